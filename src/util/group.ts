import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { ExecResult } from './exec.ts';

export interface GroupOptions {
  env?: Record<string, string | undefined>;
  cwd?: string;
  /** Written to standard input, which is closed after it. */
  input?: string;
  signal?: AbortSignal;
  onLine?(line: string): void;
  /** False: it stays at the terminal, and only it itself is ended by an abort. */
  detached?: boolean;
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/** The last characters of the output that are kept for an error message. */
const KEPT = 64 * 1024;

/**
 * Runs a program that starts children of its own: an abort ends the whole process group, with
 * SIGTERM and two seconds later with SIGKILL. Of the output only the end is kept.
 *
 * @throws when the program cannot be started.
 */
export function runGroup(file: string, args: readonly string[], options: GroupOptions): Promise<ExecResult> {
  const { detached = true } = options;
  const child = spawn(file, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached,
  });
  // Who does not read what it is given ends the pipe: its exit code tells.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  const output = keepOutput(child, options.onLine);
  return new Promise((resolve, reject) => {
    const release = endWith(child, detached, options.signal);
    child.once('error', (error) => {
      release();
      reject(error);
    });
    child.once('close', (code) => {
      release();
      resolve({ exitCode: code ?? 1, ...output, canceled: options.signal?.aborted ?? false });
    });
  });
}

function keepOutput(child: Child, onLine?: (line: string) => void): { stdout: string; stderr: string } {
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    createInterface({ input: child[name] }).on('line', (line) => {
      output[name] = `${output[name]}${line}\n`.slice(-KEPT);
      onLine?.(line);
    });
  }
  return output;
}

/** Ends the child's group with the signal, and with this process; the result says that it has ended. */
function endWith(child: Child, group: boolean, signal: AbortSignal | undefined): () => void {
  let killer: NodeJS.Timeout | undefined;
  const send = (name: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(group ? -child.pid : child.pid, name);
    } catch {
      // The group is gone already.
    }
  };
  const abort = () => {
    send('SIGTERM');
    killer = setTimeout(() => send('SIGKILL'), 2_000);
  };
  const atExit = () => send('SIGKILL');
  process.once('exit', atExit);
  signal?.addEventListener('abort', abort);
  if (signal?.aborted) abort();
  return () => {
    clearTimeout(killer);
    process.off('exit', atExit);
    signal?.removeEventListener('abort', abort);
    if (signal?.aborted) send('SIGKILL');
  };
}
