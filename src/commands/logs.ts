import type { ComponentLine } from '../actions/log-sources.ts';
import { logs } from '../actions/logs.ts';
import { configError, ExitCode } from '../errors.ts';
import { renderLogLines } from '../ui/log-lines.ts';
import { parseDuration } from '../util/duration.ts';
import { actionOptions, type CommandOptions } from './runtime.ts';

/** `datamill logs [COMPONENT]` */
export async function run(options: CommandOptions, component?: string): Promise<number> {
  const { io } = options;
  const look = {
    color: io.color,
    terminal: process.stdout.isTTY === true,
    timestamps: options.timestamps === true,
  };
  io.quiet();
  try {
    await logs({
      ...actionOptions(options, io.warn),
      component,
      container: options.container as string | undefined,
      follow: options.follow === true,
      previous: options.previous === true,
      since: seconds('--since', options.since as string | undefined),
      tail: lineCount(options.tail as string | undefined),
      onLines: (lines) => write(io.output === 'text' ? renderLogLines(lines, look) : toJson(lines)),
      onNotice: (message) => void process.stderr.write(`${io.style.dim(`(${message})`)}\n`),
    });
  } catch (error) {
    // Ctrl-C is how one stops to follow.
    if (!io.signal.aborted) throw error;
  }
  if (!io.signal.aborted) return ExitCode.done;
  return (io.signal.reason as { exitCode?: number }).exitCode ?? ExitCode.interrupted;
}

function toJson(lines: readonly ComponentLine[]): string {
  return lines
    .map(
      ({ time, component, pod, container, line }) =>
        `${JSON.stringify({ schema: 1, time, component, pod, container, line })}\n`,
    )
    .join('');
}

/** Waits until the reader has taken it. A reader that went away is dealt with by the runtime. */
function write(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (error == null) resolve();
      else if ((error as NodeJS.ErrnoException).code !== 'EPIPE') reject(error);
    });
  });
}

/** The seconds in a flag such as `--since 10m`. */
export function seconds(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const span = parseDuration(text);
  if (span !== undefined && span > 0) return span;
  throw configError('FLAG', `${flag} ${text}: expected a span of time such as 90s, 10m or 1h30m`);
}

function lineCount(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw configError('FLAG', `--tail ${text}: expected a number of lines`);
}
