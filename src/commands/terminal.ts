import { ExitCode } from '../errors.ts';
import type { CommandIO } from './runtime.ts';

/** What a program in a pod is connected to. */
export interface Terminal {
  tty: boolean;
  tell(message: string): void;
}

/**
 * Runs what may connect this terminal to a program elsewhere. The terminal is given back as it was,
 * and an interrupt ends it without a word.
 *
 * @returns the program's exit code, or the one that the signal stands for.
 */
export async function atTerminal(
  io: CommandIO,
  work: (terminal: Terminal) => Promise<number>,
): Promise<number> {
  const tty = process.stdin.isTTY === true && process.stdout.isTTY === true;
  const tell = (message: string) => void process.stderr.write(`${io.style.dim(`(${message})`)}\n`);
  io.quiet({ cleansUp: true });
  // Its key would end us at once, and leave the pod.
  const quit = () => void process.kill(process.pid, 'SIGTERM');
  process.on('SIGQUIT', quit);
  process.once('exit', release);
  try {
    return await work({ tty, tell });
  } catch (error) {
    if (!io.signal.aborted) throw error;
    return (io.signal.reason as { exitCode?: number }).exitCode ?? ExitCode.interrupted;
  } finally {
    release();
    process.off('exit', release);
    process.off('SIGQUIT', quit);
    // What was not read must not keep us; a file has no `unref`, and does not.
    (process.stdin as { unref?(): void }).unref?.();
  }
}

/** From here on every key goes to the program in the pod. */
export function connectTerminal({ tty }: Terminal) {
  if (tty) process.stdin.setRawMode(true);
  const { stdin, stdout, stderr } = process;
  return { stdin, stdout, stderr, tty, resize: tty ? stdout : undefined };
}

function release(): void {
  if (process.stdin.isTTY && process.stdin.isRaw) process.stdin.setRawMode(false);
}
