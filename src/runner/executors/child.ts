import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createWriteStream } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import type { Ended } from './contract.ts';
import { groupMemory } from './usage.ts';

/** Milliseconds that a program has to end in its own way. */
const PATIENCE = 5_000;
/** Bytes of a line that are held back to be written as one. */
const LINE = 1024 * 1024;
const LOOK_EVERY = 1_000;

export interface ChildOptions {
  cwd: string;
  env: Record<string, string>;
  /** The output goes to the end of this file. */
  log: string;
  signal: AbortSignal;
  mask(text: string): string;
  onOutput(): void;
  limits: {
    /** Bytes of memory that the program and all it starts may use. */
    ram?: number;
    /** Asked now and then: a reason to end it. */
    exceeded?(): Promise<string | undefined>;
  };
  patience?: number;
}

/**
 * Runs a program with limits in a process group of its own; when it ends, or is ended, so does all
 * that it started. It does not outlive this process.
 *
 * @throws when it cannot be started.
 */
export async function runChild(command: readonly string[], options: ChildOptions): Promise<Ended> {
  const { cwd, env, signal, log, limits } = options;
  const [file, ...args] = limited(command, limits.ram);
  const child = spawn(file!, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const out = createWriteStream(log, { flags: 'a', mode: 0o600 });
  const copied = Promise.all([copyLines(child.stdout, out, options), copyLines(child.stderr, out, options)]);
  let killed: string | undefined;
  let killer: NodeJS.Timeout | undefined;
  const send = (name: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, name);
    } catch {
      // All of it has ended.
    }
  };
  const end = () => {
    send('SIGTERM');
    killer ??= setTimeout(() => send('SIGKILL'), options.patience ?? PATIENCE);
  };
  const atExit = () => send('SIGKILL');
  const watch = setInterval(async () => {
    const why = await overLimit(child.pid, limits).catch(() => undefined);
    if (why === undefined || killed !== undefined) return;
    killed = why;
    send('SIGKILL');
  }, LOOK_EVERY);
  process.once('exit', atExit);
  signal.addEventListener('abort', end);
  try {
    const exitCode = await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, name) => resolve(code ?? (name === 'SIGKILL' ? 137 : 143)));
      if (signal.aborted) end();
    });
    // What it left behind would hold the pipes open, and go on using what was given to it.
    send('SIGKILL');
    await copied;
    return { exitCode, killed };
  } finally {
    clearInterval(watch);
    clearTimeout(killer);
    process.off('exit', atExit);
    signal.removeEventListener('abort', end);
    await new Promise<void>((resolve) => out.end(resolve));
  }
}

/** `setpriv` has the kernel end the program with this process, whatever ends this process. */
const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path));

function limited(command: readonly string[], ram: number | undefined): string[] {
  const bound = SETPRIV === undefined ? [] : [SETPRIV, '--pdeathsig', 'KILL', '--'];
  if (ram === undefined) return [...bound, ...command];
  // Data alone: the address space of Python with a GPU is many times what it uses.
  const script = `ulimit -c 0; ulimit -d ${Math.ceil((ram * 2) / 1024)} 2>/dev/null; exec "$@"`;
  return ['/bin/sh', '-c', script, 'sh', ...bound, ...command];
}

async function overLimit(pid: number | undefined, { ram, exceeded }: ChildOptions['limits']) {
  if (pid === undefined) return undefined;
  if (ram !== undefined && groupMemory(pid) > ram)
    return `it used more than the ${ram} bytes of memory asked for`;
  return await exceeded?.();
}

/** Whole lines, so that both outputs do not cut each other's, and no secret is cut in two. */
async function copyLines(source: Readable, out: Writable, { mask, onOutput }: ChildOptions): Promise<void> {
  let held: Buffer[] = [];
  let size = 0;
  const write = async (bytes: Buffer) => {
    const text = bytes.toString('utf8');
    const masked = mask(text);
    onOutput();
    // Bytes that are no text stay as they are.
    if (!out.write(masked === text ? bytes : masked))
      await new Promise((resolve) => out.once('drain', resolve));
  };
  for await (const chunk of source) {
    const last = (chunk as Buffer).lastIndexOf(0x0a);
    const cut =
      last !== -1 ? last + 1 : size + (chunk as Buffer).length > LINE ? (chunk as Buffer).length : 0;
    if (cut > 0) {
      await write(Buffer.concat([...held, (chunk as Buffer).subarray(0, cut)]));
      held = [];
      size = 0;
    }
    const rest = (chunk as Buffer).subarray(cut);
    if (rest.length > 0) held.push(rest);
    size += rest.length;
  }
  if (size > 0) await write(Buffer.concat(held));
}
