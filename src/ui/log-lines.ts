import type { ComponentLine } from '../actions/log-sources.ts';

export interface LogLook {
  color: boolean;
  /** A terminal obeys control characters; a file does not. */
  terminal: boolean;
  timestamps: boolean;
}

/** Foreground colours of ECMA-48 that can be read on light and dark, without the red of errors. */
const palette = [36, 33, 32, 35, 34, 96, 93, 92, 95, 94];

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const colors = /\u001b\[[0-9;:]*m/g;
const controls =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
  /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/**
 * Lines of logs for people: `pod/container line`, every source in a colour that it always has.
 * On a terminal nothing that a program wrote can move the cursor or change a setting.
 */
export function renderLogLines(lines: readonly ComponentLine[], look: LogLook): string {
  return renderSourceLines(
    lines.map(({ pod, container, ...line }) => ({ ...line, source: `${pod}/${container}` })),
    look,
  );
}

/** A line and the name of what has written it. */
interface SourceLine {
  source: string;
  time: string;
  line: string;
}

/** The same for lines of other sources. */
export function renderSourceLines(lines: readonly SourceLine[], look: LogLook): string {
  return lines.map((line) => `${renderLine(line, look)}\n`).join('');
}

function renderLine({ source, time, line }: SourceLine, look: LogLook): string {
  const prefix = look.color ? `\u001b[${colorOf(source)}m${source}\u001b[39m` : source;
  const stamp = look.timestamps && time !== '' ? `${time} ` : '';
  return `${prefix} ${stamp}${look.terminal ? neutral(line) : line}`;
}

/** Colours say nothing and are left out; other control characters are shown by name. */
function neutral(line: string): string {
  return line.replaceAll(colors, '').replaceAll(controls, nameOf);
}

function nameOf(character: string): string {
  const code = character.charCodeAt(0);
  if (code < 0x20) return `^${String.fromCharCode(code + 0x40)}`;
  return code === 0x7f ? '^?' : `<U+${code.toString(16).toUpperCase().padStart(4, '0')}>`;
}

function colorOf(source: string): number {
  let hash = 0;
  for (const character of source) hash = (hash * 31 + character.charCodeAt(0)) >>> 0;
  return palette[hash % palette.length]!;
}
