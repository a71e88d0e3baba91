import type { DoctorResult } from '../actions/doctor.ts';
import { redact } from '../util/redact.ts';
import type { Style } from './style.ts';

type Group = DoctorResult['groups'][number];
type Finding = Group['findings'][number];

const WORDS: Record<Finding['state'], string> = {
  ok: 'ok',
  warning: 'warning',
  error: 'error',
  unknown: 'not known',
};
const WIDTH = Math.max(...Object.values(WORDS).map((word) => word.length));

/** Groups of findings, each with its state, and what to do where that is anything. */
export function renderGroups(groups: readonly Group[], style: Style): string {
  return redact(groups.map((group) => renderGroup(group, style)).join('\n'));
}

function renderGroup({ name, findings }: Group, style: Style): string {
  const lines = findings.flatMap((finding) => renderFinding(finding, style));
  return [style.bold(`${name[0]!.toUpperCase()}${name.slice(1)}`), ...lines]
    .map((line) => `${line}\n`)
    .join('');
}

function renderFinding({ state, what, where, remedy }: Finding, style: Style): string[] {
  const paint = { ok: style.green, warning: style.yellow, error: style.red, unknown: style.dim }[state];
  const indent = ' '.repeat(WIDTH + 4);
  const line = `  ${paint(WORDS[state].padEnd(WIDTH))}  ${what}`;
  const place = where === undefined ? '' : style.dim(where);
  const remedies = remedy === undefined ? [] : [`${indent}${style.cyan('->')} ${remedy.replaceAll('`', '')}`];
  // What is well takes one line.
  if (state === 'ok') return [place === '' ? line : `${line}  ${place}`, ...remedies];
  return [line, ...(place === '' ? [] : [`${indent}${place}`]), ...remedies];
}

/** `2 errors, 1 warning` */
export function countWords(groups: readonly Group[]): string {
  const all = groups.flatMap(({ findings }) => findings);
  const count = (state: Finding['state']) => all.filter((one) => one.state === state).length;
  const words = (number: number, word: string) =>
    number === 0 ? '' : `${number} ${word}${number === 1 ? '' : 's'}`;
  return [words(count('error'), 'error'), words(count('warning'), 'warning')]
    .filter((one) => one !== '')
    .join(', ');
}
