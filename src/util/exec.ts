import { execa } from 'execa';

export interface ExecOptions {
  /** Variables added to (or, when undefined, taken from) the inherited environment. */
  env?: Record<string, string | undefined>;
  cwd?: string;
  /** Written to standard input, which is closed after it. */
  input?: string;
  /** When it fires the child gets SIGTERM and is waited for. */
  signal?: AbortSignal;
  /** Milliseconds a child may take to end after SIGTERM before it is killed. */
  killAfter?: number;
  /** Called with every line of standard error as it comes. */
  onStderrLine?: (line: string) => void;
}

export interface ExecResult {
  exitCode: number;
  stdout: string;
  stderr: string;
  /** True when `signal` ended the child. */
  canceled: boolean;
  /** The signal that ended it, where one did. */
  signal?: NodeJS.Signals;
}

/**
 * Runs a program without a shell and waits for it to end; an exit code other than 0 is a
 * result, not an error. The child leads a process group of its own, so a Ctrl-C in the
 * terminal reaches it once, through us.
 *
 * @throws when the program cannot be started.
 */
export async function exec(
  file: string,
  args: readonly string[],
  options: ExecOptions = {},
): Promise<ExecResult> {
  const child = execa(file, args, {
    env: options.env,
    cwd: options.cwd,
    input: options.input ?? '',
    cancelSignal: options.signal,
    forceKillAfterDelay: options.killAfter ?? 60_000,
    detached: process.platform !== 'win32',
    cleanup: true,
    reject: false,
    stripFinalNewline: false,
    maxBuffer: 256 * 1024 * 1024,
  });
  if (options.onStderrLine !== undefined) {
    void readLines(child, options.onStderrLine);
  }
  const result = await child;
  if (result.exitCode === undefined && !result.isCanceled && result.signal === undefined) {
    throw result;
  }
  return {
    exitCode: result.exitCode ?? 1,
    stdout: result.stdout,
    stderr: result.stderr,
    canceled: result.isCanceled,
    signal: result.signal as NodeJS.Signals | undefined,
  };
}

async function readLines(
  child: { iterable(options: { from: 'stderr' }): AsyncIterable<unknown> },
  onLine: (line: string) => void,
) {
  for await (const line of child.iterable({ from: 'stderr' })) {
    onLine(String(line));
  }
}
