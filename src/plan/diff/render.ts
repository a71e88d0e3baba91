import { stringify } from 'yaml';
import type { Change } from '../diff.ts';
import { unifiedHunks } from './lines.ts';

type Paint = (sign: string, text: string) => string;

const context = 2;
const inlineWidth = 80;
const codes: Record<string, number> = { '+': 32, '-': 31, '~': 33, '@': 36 };

/** The changes as text, grouped by object, every line ended; an empty string when there are none. */
export function renderChanges(changes: Change[], options: { color: boolean }): string {
  const paint: Paint = (sign, text) =>
    options.color && codes[sign] !== undefined ? `\u001b[${codes[sign]}m${text}\u001b[39m` : text;
  const groups = new Map<string, Change[]>();
  for (const change of changes) {
    const key = [change.kind, change.namespace ?? '', change.name].join(' ');
    groups.set(key, [...(groups.get(key) ?? []), change]);
  }
  const lines = [...groups.values()].flatMap((group) => renderObject(group, paint));
  return lines.map((line) => `${line}\n`).join('');
}

function renderObject(group: Change[], paint: Paint): string[] {
  const { kind, name, namespace } = group[0]!;
  const title = `${kind}/${name}${namespace === undefined ? '' : ` (${namespace})`}`;
  const whole = group.filter((change) => change.path === '');
  const parts = group.filter((change) => change.path !== '');
  const lines = whole.map((change) => {
    const sign = change.before === undefined ? '+' : '-';
    return paint(sign, `${sign} ${title}`);
  });
  if (parts.length === 0) return lines;
  return [...lines, paint('~', `~ ${title}`), ...parts.flatMap((change) => renderChange(change, paint))];
}

function renderChange(change: Change, paint: Paint): string[] {
  const { path, before, after } = change;
  if (before === undefined) return block('+', path, after, paint);
  if (after === undefined) return block('-', path, before, paint);
  if (isText(before) && isText(after) && (before.includes('\n') || after.includes('\n'))) {
    const hunks = unifiedHunks(before, after, context).map((line) => paint(line[0] ?? ' ', `      ${line}`));
    return [`    ${path}:`, ...hunks];
  }
  const short = `    ${path}: ${inline(before)} -> ${inline(after)}`;
  if (short.length <= inlineWidth * 2 && !isLarge(before) && !isLarge(after)) return [short];
  return [`    ${path}:`, ...nested('-', before, paint), ...nested('+', after, paint)];
}

function block(sign: string, path: string, value: unknown, paint: Paint): string[] {
  if (isLarge(value)) return [paint(sign, `  ${sign} ${path}:`), ...nested(sign, value, paint)];
  return [paint(sign, `  ${sign} ${path}: ${inline(value)}`)];
}

function nested(sign: string, value: unknown, paint: Paint): string[] {
  const body = isText(value) ? value.replace(/\n$/, '') : stringify(value, { lineWidth: 0 }).trimEnd();
  return body.split('\n').map((line) => paint(sign, `      ${sign}${line}`));
}

function isLarge(value: unknown): boolean {
  if (isText(value)) return value.includes('\n') || value.length > inlineWidth;
  return inline(value).length > inlineWidth;
}

/** Text that YAML would read as something else is quoted, so that "1" and 1 look different. */
function inline(value: unknown): string {
  if (value === undefined) return '(nothing)';
  if (
    isText(value) &&
    /^[A-Za-z*/.][^\n"]*$/.test(value) &&
    !/^(true|false|null|yes|no|on|off)$/i.test(value)
  ) {
    return value;
  }
  return JSON.stringify(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
