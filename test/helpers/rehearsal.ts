import { mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import type { TargetHandle, TargetSpec } from '../../src/targets/contract.ts';
import { rehearsal } from '../../src/targets/rehearsal.ts';
import { resolveTools } from '../../src/tools/index.ts';
import { exec } from '../../src/util/exec.ts';

const name = `dmown-${process.pid}`;
export const spec: TargetSpec = { driver: 'rehearsal', name, storageClasses: ['odd-class'], settings: {} };
export const programs = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kwok-controller',
];

/** Every line of progress. */
export const said: string[] = [];
export const io = { progress: (message: string) => void said.push(message) };

/** Temporary folders, and the cluster's own; set before the tests run. */
export const folders = { state: '', home: '', root: '' };

let kubectlPath: string;
const handle: TargetHandle = {
  driver: 'rehearsal',
  kubeconfig: '',
  context: `kwok-${name}`,
  simulated: true,
};

/** What `up` has to give. */
export const expected = handle;

/** Gives the tests of a file folders of their own, and removes the cluster at the end. */
export function ownRehearsal(): void {
  const before = { state: process.env.XDG_STATE_HOME, home: process.env.HOME };
  beforeAll(async () => {
    folders.state = await mkdtemp(join(tmpdir(), 'datamill-rehearsal-'));
    folders.home = await mkdtemp(join(tmpdir(), 'datamill-home-'));
    folders.root = join(folders.state, 'datamill', 'rehearsal', name);
    handle.kubeconfig = join(folders.root, 'kubeconfig.yaml');
    // The cache and the Go toolchain stay the user's; the home folder does not.
    process.env.XDG_CACHE_HOME ??= join(before.home!, '.cache');
    const names = [
      'kubectl',
      'kwok',
      'kwokctl',
      ...programs.filter((program) => program !== 'kwok-controller'),
    ];
    kubectlPath = (await resolveTools(names)).get('kubectl')!.path;
    process.env.XDG_STATE_HOME = folders.state;
    process.env.HOME = folders.home;
  });
  afterAll(async () => {
    await rehearsal.destroy(spec, io);
    process.env.HOME = before.home;
    if (before.state === undefined) delete process.env.XDG_STATE_HOME;
    else process.env.XDG_STATE_HOME = before.state;
    await rm(folders.state, { recursive: true, force: true });
    await rm(folders.home, { recursive: true, force: true });
  });
}

export async function kubectl(...args: string[]): Promise<string> {
  // Its caches belong elsewhere, as we look at what is written into the home folder.
  args = ['--cache-dir', join(folders.state, 'cache'), ...args];
  const result = await exec(kubectlPath, [
    '--kubeconfig',
    handle.kubeconfig,
    '--context',
    handle.context,
    ...args,
  ]);
  expect(result.stderr + result.exitCode, args.join(' ')).toBe('0');
  return result.stdout;
}

/** Applies objects with kubectl. */
export async function apply(...objects: unknown[]): Promise<void> {
  const path = join(folders.state, 'objects.json');
  await writeFile(path, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  await kubectl('apply', '-f', path);
}

/** What `kubectl get … -o json` says. */
// biome-ignore lint/suspicious/noExplicitAny: objects of every kind, of which tests look at a field or two
export async function read(...args: string[]): Promise<any> {
  return JSON.parse(await kubectl('get', ...args, '-o', 'json'));
}

/** The programs that run out of the cluster's folder, as "pid name". */
export async function processes(): Promise<Array<{ pid: string; name: string }>> {
  const found = [];
  for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const argv = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
    const ours = argv[0]?.startsWith(folders.root) || (argv[0]?.endsWith('kwokctl') && argv.includes(name));
    if (ours) found.push({ pid, name: argv[0]!.split('/').at(-1)! });
  }
  return found;
}

/** Local addresses, as the kernel writes them, of the listening sockets of the processes. */
export async function listeners(): Promise<string[]> {
  const inodes = new Set<string>();
  for (const { pid } of await processes()) {
    for (const fd of await readdir(`/proc/${pid}/fd`)) {
      const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '');
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
      if (inode !== undefined) inodes.add(inode);
    }
  }
  const lines = await Promise.all(
    ['tcp', 'tcp6'].map((file) => readFile(`/proc/net/${file}`, 'utf8').catch(() => '')),
  );
  const sockets = lines
    .join('\n')
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  // proc(5): column 3 is the state, 0A is LISTEN; column 9 is the inode.
  return sockets
    .filter((columns) => columns[3] === '0A' && inodes.has(columns[9]!))
    .map((columns) => columns[1]!);
}

export const container = { name: 'c', image: 'example.invalid/none:1' };

export function pod(podName: string, annotations: Record<string, string>, more: object = {}) {
  const metadata = { name: podName, namespace: 'default', annotations };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [container], ...more } };
}

export function claim(claimName: string, storageClassName: string | undefined) {
  const resources = { requests: { storage: '1Gi' } };
  const metadata = { name: claimName, namespace: 'default' };
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata,
    spec: { storageClassName, accessModes: ['ReadWriteOnce'], resources },
  };
}
