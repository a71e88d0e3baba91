import { spawn } from 'node:child_process';
import { mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { writeAtomically } from '../../src/util/atomic.ts';
import { until } from './call.ts';
import { MARK, state } from './layout.ts';

interface Written {
  pid: number;
  /** Start of the process in ticks since boot, and the boot: a pid that was given again differs. */
  start: string;
  boot: string;
  command: string[];
}

/** Starts a daemon, unless it runs already with the same words; its output goes to a file. */
export async function startDaemon(name: string, file: string, args: readonly string[]): Promise<void> {
  const command = [file, ...args];
  const running = await find(name);
  if (running !== undefined && JSON.stringify(running.command) === JSON.stringify(command)) return;
  await stopDaemon(name);
  mkdirSync(state('log'), { recursive: true });
  const log = openSync(state('log', `${name}.log`), 'w');
  const child = spawn(file, args, {
    cwd: '/',
    detached: true,
    stdio: ['ignore', log, log],
    env: { PATH: daemonPath(), HOME: state(), [MARK]: state() },
  });
  await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject));
  const pid = child.pid!;
  child.unref();
  const written: Written = { pid, start: startOf(pid) ?? '', boot: bootId(), command };
  await writeAtomically(pidFile(name), JSON.stringify(written));
}

/** Debian's programs only: what the user has on PATH besides must not matter. */
function daemonPath(): string {
  return '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
}

function pidFile(name: string): string {
  return state('run', `${name}.pid`);
}

async function find(name: string): Promise<Written | undefined> {
  try {
    const written = JSON.parse(await readFile(pidFile(name), 'utf8')) as Written;
    return written.boot === bootId() && startOf(written.pid) === written.start ? written : undefined;
  } catch {
    return undefined;
  }
}

export async function isRunning(name: string): Promise<boolean> {
  return (await find(name)) !== undefined;
}

/** Ends a daemon, and waits until it is gone; after ten seconds it is killed. */
export async function stopDaemon(name: string): Promise<void> {
  const running = await find(name);
  if (running !== undefined) await end([running.pid], 10);
  await rm(pidFile(name), { force: true });
}

/** Ends processes, first politely; none of them may have been given a pid again meanwhile. */
export async function end(pids: number[], seconds: number): Promise<void> {
  const starts = new Map(pids.map((pid) => [pid, startOf(pid)]));
  const left = () => pids.filter((pid) => starts.get(pid) !== undefined && startOf(pid) === starts.get(pid));
  const send = (signal: NodeJS.Signals) => {
    for (const pid of left()) {
      try {
        process.kill(pid, signal);
      } catch {
        // It ended in the meantime.
      }
    }
  };
  send(seconds > 0 ? 'SIGTERM' : 'SIGKILL');
  try {
    await until(
      async () => left().length === 0,
      seconds,
      () => '',
    );
  } catch {
    send('SIGKILL');
    await until(
      async () => left().length === 0,
      10,
      () => `these processes cannot be ended: ${left().join(', ')}`,
    );
  }
}

/** Start of a process in ticks since boot; undefined when it is gone, or only its exit code is left. */
function startOf(pid: number): string | undefined {
  // proc(5): the fields follow the command's name, which is in parentheses.
  const fields = read(`/proc/${pid}/stat`)
    .replace(/^.*\) /s, '')
    .split(' ');
  return fields.length < 20 || fields[0] === 'Z' ? undefined : fields[19];
}

function bootId(): string {
  return read('/proc/sys/kernel/random/boot_id').trim();
}

/** All processes that the testbed started, and all that those started: also what has no pid file. */
export function allProcesses(): number[] {
  const pids = readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number);
  const marked = pids.filter((pid) =>
    read(`/proc/${pid}/environ`).split('\0').includes(`${MARK}=${state()}`),
  );
  const parents = new Map(
    pids.map((pid) => [pid, Number(/^PPid:\t(\d+)$/m.exec(read(`/proc/${pid}/status`))?.[1])]),
  );
  const ours = new Set(marked);
  for (let before = -1; before !== ours.size; ) {
    before = ours.size;
    for (const [pid, parent] of parents) if (ours.has(parent)) ours.add(pid);
  }
  ours.delete(process.pid);
  return [...ours];
}

export function commandOf(pid: number): string {
  return read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
