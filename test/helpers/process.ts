import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { inject } from 'vitest';
import type { CliEvent } from './cli.ts';

export interface Running {
  pid: number;
  /** The events so far. */
  events: CliEvent[];
  stderr(): string;
  /** Settles when that many events have come, or the program has ended. */
  until(condition: (events: CliEvent[]) => boolean): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  /** The exit code, or the name of the signal that ended it. */
  ended: Promise<number | NodeJS.Signals>;
}

/** Starts the bundled program with `--output json`; the test sends it signals while it works. */
export function start(
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string | undefined> } = {},
): Running {
  const env = { ...process.env, CI: 'true', KUBECONFIG: undefined, ...options.env };
  const cli = join(inject('rehearsal').cli, 'cli.js');
  const child = spawn(process.execPath, [cli, ...args, '--output', 'json'], {
    cwd: options.cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const events: CliEvent[] = [];
  const waiting = new Set<() => void>();
  let stderr = '';
  let over = false;
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    events.push(JSON.parse(line) as CliEvent);
    for (const check of waiting) check();
  });
  const ended = new Promise<number | NodeJS.Signals>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      over = true;
      for (const check of waiting) check();
      resolve(code ?? signal!);
    });
  });
  return {
    pid: child.pid!,
    events,
    stderr: () => stderr,
    until: (condition) =>
      new Promise((resolve) => {
        const check = () => {
          if (!over && !condition(events)) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
    kill: (signal) => void child.kill(signal),
    ended,
  };
}

/** What a run of that process id has started and is still there, as `pid command`. */
export function childrenOf(pid: number): Array<{ pid: number; command: string }> {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && environ(entry).some((word) => isOf(word, pid)))
    .map((entry) => ({ pid: Number(entry), command: words(`/proc/${entry}/cmdline`).join(' ') }))
    .filter(({ command }) => command !== '');
}

function isOf(word: string, pid: number): boolean {
  return word.startsWith('DATAMILL_RUN=') && word.endsWith(`/${pid}`);
}

function environ(pid: string): string[] {
  return words(`/proc/${pid}/environ`);
}

function words(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\0');
  } catch {
    return [];
  }
}
