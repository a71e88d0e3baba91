import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { inject } from 'vitest';

export interface CliEvent {
  schema: number;
  time: string;
  type: 'step' | 'warning' | 'failure' | 'summary' | 'error' | 'state' | 'connection' | 'local';
  component?: string;
  phase?: string;
  state?: string;
  message?: string;
  // biome-ignore lint/suspicious/noExplicitAny: counters of the summary, code of the error
  [key: string]: any;
}

export interface CliResult {
  code: number;
  stdout: string;
  stderr: string;
  /** The lines of stdout that are JSON events. */
  events: CliEvent[];
  /** stdout as one JSON document; throws when it is none. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look at a field or two
  json: any;
  seconds: number;
}

export interface CliOptions {
  cwd?: string;
  env?: Record<string, string | undefined>;
  input?: string;
}

/** Runs the bundled program, as a user in CI would, and waits for it to end. */
export async function run(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const started = performance.now();
  const { cli } = inject('rehearsal');
  const env = { ...process.env, CI: 'true', KUBECONFIG: undefined, FORCE_COLOR: undefined, ...options.env };
  const child = spawn(process.execPath, [join(cli, 'cli.js'), ...args], { cwd: options.cwd, env });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  child.stdin.end(options.input ?? '');
  const code = await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exit, signal) => resolve(exit ?? (signal === null ? -1 : -2)));
  });
  const text = Buffer.concat(stdout).toString('utf8');
  return {
    code,
    stdout: text,
    stderr: Buffer.concat(stderr).toString('utf8'),
    events: parseEvents(text),
    get json() {
      return JSON.parse(text);
    },
    seconds: (performance.now() - started) / 1000,
  };
}

function parseEvents(text: string): CliEvent[] {
  return text.split('\n').flatMap((line) => {
    if (!line.startsWith('{"schema"')) return [];
    try {
      return [JSON.parse(line) as CliEvent];
    } catch {
      return [];
    }
  });
}
