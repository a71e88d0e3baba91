import { relative } from 'node:path';
import { DatamillError, ExitCode, type Location } from '../errors.ts';
import { redact, redactDocument } from '../util/redact.ts';
import { sourceExcerpt } from './excerpt.ts';
import { nameCommands } from './program.ts';
import { createStyle, type Style, wantsColor } from './style.ts';

export interface PrintErrorOptions {
  output?: 'text' | 'json' | 'yaml';
  /** Adds what caused the error, and stacks. */
  verbose?: boolean;
  /** Standard error by default. */
  stream?: NodeJS.WritableStream & { isTTY?: boolean };
  color?: boolean;
  /** Files in this folder are named relative to it. */
  cwd?: string;
}

export interface ErrorDocument {
  code: string;
  message: string;
  file: string;
  line: number;
  column: number;
  hint: string;
  /** Further errors of the same kind; absent when there are none. */
  others?: ErrorDocument[];
}

const bugHint =
  'This is a bug in data-mill. Please report it to the issue tracker of the project you installed it from, with the output of the same command run with --verbose.';

/** The one printer of errors. Writes to standard error, hides secrets, and returns the exit code. */
export function printError(error: unknown, options: PrintErrorOptions = {}): number {
  const stream = options.stream ?? process.stderr;
  const known = asDatamillError(error);
  if (options.output === 'json') {
    stream.write(`${JSON.stringify(redactDocument({ schema: 1, error: errorDocument(known) }))}\n`);
    return known.exitCode;
  }
  const color = options.color ?? wantsColor({ tty: stream.isTTY === true });
  const lines = describe(known, options, createStyle(color));
  stream.write(nameCommands(redact(lines.map((line) => `${line}\n`).join(''))));
  return known.exitCode;
}

/** The error as the JSON output and the last JSON event hold it, before secrets are hidden. */
function errorDocument(error: unknown): ErrorDocument {
  const { code, message, at, hint, others } = asDatamillError(error);
  const document = {
    code,
    message,
    file: at?.file ?? '',
    line: at?.line ?? 0,
    column: at?.column ?? 0,
    hint: hint ?? '',
  };
  return others.length === 0 ? document : { ...document, others: others.map(errorDocument) };
}

function asDatamillError(error: unknown): DatamillError {
  if (error instanceof DatamillError) return error;
  if (!(error instanceof Error)) return new DatamillError('INTERNAL', String(error), { hint: bugHint });
  if (error.name === 'AbortError') {
    return new DatamillError('INTERRUPTED', 'Interrupted.', { exitCode: ExitCode.interrupted, cause: error });
  }
  // The operating system's errors (no space left, permission denied) are not ours to be reported.
  const system = 'syscall' in error && 'code' in error && typeof error.code === 'string';
  if (system) return new DatamillError(String(error.code), error.message, { cause: error });
  return new DatamillError('INTERNAL', error.message || error.name, { hint: bugHint, cause: error });
}

function describe(error: DatamillError, options: PrintErrorOptions, style: Style): string[] {
  const place = error.at === undefined ? '' : `${placeWords(error.at, options.cwd ?? process.cwd())}: `;
  const [first = '', ...rest] = error.message.split('\n');
  const lines = [
    `${style.red(style.bold(`error[${error.code}]`))}: ${place}${first}`,
    ...rest.map((line) => `  ${line}`),
    ...sourceExcerpt(error.at).map((line) => style.dim(line)),
  ];
  if (error.hint !== undefined && error.hint !== '') {
    lines.push(
      ...error.hint
        .split('\n')
        .map((line, at) => (at === 0 ? `  ${style.cyan('hint:')} ${line}` : `        ${line}`)),
    );
  }
  if (options.verbose === true) lines.push(...causeLines(error, style));
  return [...lines, ...error.others.flatMap((other) => describe(other, options, style))];
}

function placeWords(at: Location, cwd: string): string {
  const inside = relative(cwd, at.file);
  const file = inside === '' || inside.startsWith('..') || !at.file.startsWith('/') ? at.file : inside;
  return [file, at.line, at.line === undefined ? undefined : at.column]
    .filter((part) => part !== undefined)
    .join(':');
}

/** The stack of the error and of everything that caused it. */
function causeLines(error: DatamillError, style: Style): string[] {
  const lines = stackLines(error);
  const seen = new Set<unknown>([error]);
  for (let cause = error.cause; cause !== undefined && cause !== null && !seen.has(cause); ) {
    seen.add(cause);
    const [first, ...stack] =
      cause instanceof Error ? [messageOf(cause), ...stackLines(cause)] : [String(cause)];
    lines.push(`  caused by: ${first}`, ...stack);
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return lines.map((line) => style.dim(line));
}

function messageOf(error: Error): string {
  return error instanceof DatamillError
    ? `${error.code}: ${error.message}`
    : `${error.name}: ${error.message}`;
}

function stackLines(error: Error): string[] {
  const stack = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return stack.map((line) => `    ${line.trim()}`);
}
