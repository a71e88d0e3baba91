import { spawn } from 'node:child_process';
import { constants } from 'node:os';

export interface ForegroundOptions {
  env?: Record<string, string | undefined>;
  cwd?: string;
  /** The user's wish to end: a Ctrl-C in the terminal has reached the program by itself. */
  interrupt: AbortSignal;
  /** Ends the program, whatever the user wants. */
  stop: AbortSignal;
}

/** Milliseconds that a program may take to end in its own way. */
const PATIENCE = 10_000;

/**
 * Runs a program at this terminal, as a shell would, and waits for it to end.
 *
 * @returns its exit code; 128 and the number of the signal that ended it.
 * @throws when it cannot be started.
 */
export function runInForeground(
  file: string,
  args: readonly string[],
  { env, cwd, interrupt, stop }: ForegroundOptions,
): Promise<number> {
  const child = spawn(file, args, { env: { ...process.env, ...env }, cwd, stdio: 'inherit' });
  let killer: NodeJS.Timeout | undefined;
  const end = (signal: NodeJS.Signals) => {
    child.kill(signal);
    killer ??= setTimeout(() => child.kill('SIGKILL'), PATIENCE);
  };
  const interrupted = () => {
    const byTerminal = process.stdin.isTTY === true && exitCodeOf(interrupt) === 130;
    if (!byTerminal) end(exitCodeOf(interrupt) === 130 ? 'SIGINT' : 'SIGTERM');
    else killer ??= setTimeout(() => child.kill('SIGTERM'), PATIENCE);
  };
  const stopped = () => end('SIGTERM');
  interrupt.addEventListener('abort', interrupted);
  stop.addEventListener('abort', stopped);
  return new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? 128 + (constants.signals[signal!] ?? 0)));
    if (stop.aborted) stopped();
    else if (interrupt.aborted) interrupted();
  }).finally(() => {
    clearTimeout(killer);
    interrupt.removeEventListener('abort', interrupted);
    stop.removeEventListener('abort', stopped);
  });
}

function exitCodeOf(signal: AbortSignal): number | undefined {
  return (signal.reason as { exitCode?: number } | undefined)?.exitCode;
}
