import { existsSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pause } from '../../util/abort.ts';
import { exec } from '../../util/exec.ts';
import { isAlive } from '../../util/lock.ts';
import { components } from './files.ts';
import type { Layout } from './layout.ts';

interface Process {
  pid: number;
  /** Path of the program, then its arguments. */
  argv: string[];
}

/** Clients are stopped before what they talk to. */
const stopOrder = [
  'kwokctl',
  'kwok-controller',
  'kube-scheduler',
  'kube-controller-manager',
  'kube-apiserver',
  'etcd',
];

/** Whether every component runs, by kwokctl's pid files; a pid that another program has now does not count. */
export async function allRun(layout: Layout): Promise<boolean> {
  const running = await Promise.all(components.map(({ program }) => runs(layout, program)));
  return running.every((yes) => yes);
}

/** The components that do not run. */
export async function stoppedComponents(layout: Layout): Promise<string[]> {
  const states = await Promise.all(
    components.map(async ({ program }) => ({ program, runs: await runs(layout, program) })),
  );
  return states.filter((state) => !state.runs).map((state) => state.program);
}

/** The components that were started and do not run any more. */
export async function endedComponents(layout: Layout): Promise<string[]> {
  const stopped = await stoppedComponents(layout);
  return stopped.filter((program) => existsSync(pidFile(layout, program)));
}

async function runs(layout: Layout, program: string): Promise<boolean> {
  const pid = Number(await readFile(pidFile(layout, program), 'utf8').catch(() => ''));
  if (!(pid > 0) || !isAlive(pid)) return false;
  if (!existsSync('/proc/self/cmdline')) return true;
  return (await argvOf(pid))?.[0] === join(layout.cluster, 'bin', program);
}

function pidFile(layout: Layout, program: string): string {
  return join(layout.cluster, 'pids', `${program}.pid`);
}

/** After a reboot pids belong to others: kwokctl would take those for its components. */
export async function forgetStopped(layout: Layout): Promise<void> {
  for (const program of await stoppedComponents(layout)) await rm(pidFile(layout, program), { force: true });
}

/**
 * Ends everything that belongs to the cluster: its components, and a kwokctl that is still
 * making it. They are found by their command lines, so that none is missed whose pid was never
 * written down. `grace` is what each gets to end by itself, in milliseconds.
 */
export async function endProcesses(layout: Layout, grace: number): Promise<void> {
  for (const name of stopOrder) {
    const processes = (await processesOf(layout)).filter(({ argv }) => basename(argv[0] ?? '') === name);
    await Promise.all(processes.map(({ pid }) => end(pid, grace)));
  }
  await forgetStopped(layout);
}

async function end(pid: number, grace: number): Promise<void> {
  if (grace > 0) send(pid, 'SIGTERM');
  for (let waited = 0; waited < grace && isAlive(pid); waited += 20) await pause(20);
  if (isAlive(pid)) send(pid, 'SIGKILL');
  for (let waited = 0; waited < 5_000 && isAlive(pid); waited += 10) await pause(10);
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended meanwhile.
  }
}

async function processesOf(layout: Layout): Promise<Process[]> {
  const bin = join(layout.cluster, 'bin', '/');
  return (await allProcesses()).filter(({ argv }) => {
    const program = argv[0] ?? '';
    if (program.startsWith(bin)) return true;
    return basename(program) === 'kwokctl' && argv.includes(layout.config);
  });
}

async function allProcesses(): Promise<Process[]> {
  if (!existsSync('/proc/self/cmdline')) return listedByPs();
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const processes = await Promise.all(pids.map(async (pid) => ({ pid, argv: (await argvOf(pid)) ?? [] })));
  return processes.filter(({ argv }) => argv.length > 0);
}

async function argvOf(pid: number): Promise<string[] | undefined> {
  const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return text === '' ? undefined : text.split('\0');
}

/** Where there is no /proc: paths with spaces are not told apart, which our folders rarely have. */
async function listedByPs(): Promise<Process[]> {
  const { stdout } = await exec('ps', ['-axo', 'pid=,args=']);
  return stdout.split('\n').map((line) => {
    const [pid, ...argv] = line.trim().split(/\s+/);
    return { pid: Number(pid), argv };
  });
}
