import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { ExecResult } from './exec.ts';

export interface GroupOptions {
  env?: Record<string, string | undefined>;
  cwd?: string;
  signal?: AbortSignal;
  onLine?(line: string): void;
}

/** The last characters of the output that are kept for an error message. */
const KEPT = 64 * 1024;

/**
 * Runs a program that starts children of its own: an abort ends the whole process group, with
 * SIGTERM and two seconds later with SIGKILL. Of the output only the end is kept.
 *
 * @throws when the program cannot be started.
 */
export function runGroup(file: string, args: readonly string[], options: GroupOptions): Promise<ExecResult> {
  const child = spawn(file, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    createInterface({ input: child[name] }).on('line', (line) => {
      output[name] = `${output[name]}${line}\n`.slice(-KEPT);
      options.onLine?.(line);
    });
  }
  const send = (signal: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal);
    } catch {
      // The group is gone already.
    }
  };
  return new Promise((resolve, reject) => {
    let killer: NodeJS.Timeout | undefined;
    const abort = () => {
      send('SIGTERM');
      killer = setTimeout(() => send('SIGKILL'), 2_000);
    };
    const atExit = () => send('SIGKILL');
    process.once('exit', atExit);
    options.signal?.addEventListener('abort', abort);
    const finish = () => {
      clearTimeout(killer);
      process.off('exit', atExit);
      options.signal?.removeEventListener('abort', abort);
      if (options.signal?.aborted) send('SIGKILL');
    };
    child.once('error', (error) => {
      finish();
      reject(error);
    });
    child.once('close', (code) => {
      finish();
      resolve({ exitCode: code ?? 1, ...output, canceled: options.signal?.aborted ?? false });
    });
    if (options.signal?.aborted) abort();
  });
}
