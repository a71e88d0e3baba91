import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { inject, onTestFinished } from 'vitest';
import type { LogEvent } from '../../src/actions/runner.ts';

export interface RunningRunner {
  child: ChildProcess;
  events: LogEvent[];
  stderr(): string;
  /** The exit code, or the name of the signal that ended it. */
  ended: Promise<number | string>;
}

/** Starts `datamill runner start` of the bundle with these flags; ended with the test. */
export function startRunner(args: readonly string[], env: Record<string, string> = {}): RunningRunner {
  const child = spawn(
    process.execPath,
    [join(inject('program'), 'cli.js'), 'runner', 'start', '--output', 'json', '--prom-address', '', ...args],
    {
      env: { ...process.env, CI: 'true', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  const events: LogEvent[] = [];
  let stderr = '';
  child.stderr!.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  createInterface({ input: child.stdout! }).on('line', (line) => events.push(JSON.parse(line) as LogEvent));
  const ended = new Promise<number | string>((resolve) =>
    child.on('close', (code, signal) => resolve(code ?? signal!)),
  );
  return { child, events, stderr: () => stderr, ended };
}

/** A request whose artifacts are files in a folder; `workspace` is a folder with the program. */
export function fileRequest(
  store: string,
  key: string,
  {
    filename = 'main.py',
    args = [],
    ...rest
  }: { filename?: string; args?: string[]; [more: string]: unknown } = {},
): {
  experiment: Record<string, unknown> & { artifacts: Record<string, Record<string, unknown>> };
  config: object;
} {
  const at = (label: string) => ({
    qualified: `file://${store}/experiments/${key}/${label}.tar`,
    key: `experiments/${key}/${label}.tar`,
    mutable: true,
    unpack: true,
  });
  return {
    experiment: {
      key,
      filename,
      args,
      pythonver: '3',
      project: 'tests',
      time_added: Date.now() / 1000,
      resources_needed: { cpus: 1, ram: '200mb', hdd: '100mb' },
      artifacts: {
        workspace: { ...at('workspace'), mutable: false },
        output: at('output'),
        retval: at('retval'),
        _metadata: at('_metadata'),
      },
      ...rest,
    },
    config: {},
  };
}

/** Files of a folder whose name begins so, by name. */
export function filesOf(folder: string, prefix = ''): Record<string, string> {
  mkdirSync(folder, { recursive: true });
  const names = readdirSync(folder, { withFileTypes: true })
    .filter((one) => one.isFile() && one.name.startsWith(prefix))
    .map(({ name }) => name);
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}
