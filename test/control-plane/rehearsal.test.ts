import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { TargetHandle, TargetSpec } from '../../src/targets/contract.ts';
import { rehearsal } from '../../src/targets/rehearsal.ts';
import { resolveTools } from '../../src/tools/index.ts';
import { pause } from '../../src/util/abort.ts';
import { exec } from '../../src/util/exec.ts';

const name = `dmown-${process.pid}`;
const spec: TargetSpec = { driver: 'rehearsal', name, storageClasses: ['odd-class'], settings: {} };
const programs = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kwok-controller'];
const said: string[] = [];
const io = { progress: (message: string) => void said.push(message) };
const before = { state: process.env.XDG_STATE_HOME, home: process.env.HOME };

let state: string;
let home: string;
let root: string;
let kubectlPath: string;
let handle: TargetHandle;

beforeAll(async () => {
  state = await mkdtemp(join(tmpdir(), 'datamill-rehearsal-'));
  home = await mkdtemp(join(tmpdir(), 'datamill-home-'));
  root = join(state, 'datamill', 'rehearsal', name);
  // The cache and the Go toolchain stay the user's; the home folder does not.
  process.env.XDG_CACHE_HOME ??= join(before.home!, '.cache');
  const names = [
    'kubectl',
    'kwok',
    'kwokctl',
    'etcd',
    'kube-apiserver',
    'kube-controller-manager',
    'kube-scheduler',
  ];
  kubectlPath = (await resolveTools(names)).get('kubectl')!.path;
  process.env.XDG_STATE_HOME = state;
  process.env.HOME = home;
});

afterAll(async () => {
  await rehearsal.destroy(spec, io);
  process.env.HOME = before.home;
  if (before.state === undefined) delete process.env.XDG_STATE_HOME;
  else process.env.XDG_STATE_HOME = before.state;
  await rm(state, { recursive: true, force: true });
  await rm(home, { recursive: true, force: true });
});

async function kubectl(...args: string[]): Promise<string> {
  // Its caches belong elsewhere, as we look at what is written into the home folder.
  args = ['--cache-dir', join(state, 'cache'), ...args];
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

async function apply(...objects: unknown[]): Promise<void> {
  const path = join(state, 'objects.json');
  await writeFile(path, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  await kubectl('apply', '-f', path);
}

// biome-ignore lint/suspicious/noExplicitAny: objects of every kind, of which tests look at a field or two
async function read(...args: string[]): Promise<any> {
  return JSON.parse(await kubectl('get', ...args, '-o', 'json'));
}

async function eventually(check: () => Promise<void>, seconds = 15): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await pause(150);
    }
  }
}

/** The programs that run out of the cluster's folder, as "pid name". */
async function processes(): Promise<Array<{ pid: string; name: string }>> {
  const found = [];
  for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const argv = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
    const ours = argv[0]?.startsWith(root) || (argv[0]?.endsWith('kwokctl') && argv.includes(name));
    if (ours) found.push({ pid, name: argv[0]!.split('/').at(-1)! });
  }
  return found;
}

/** Local addresses, as the kernel writes them, of the listening sockets of the processes. */
async function listeners(): Promise<string[]> {
  const inodes = new Set<string>();
  for (const { pid } of await processes()) {
    for (const fd of await readdir(`/proc/${pid}/fd`)) {
      const { readlink } = await import('node:fs/promises');
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

const container = { name: 'c', image: 'example.invalid/none:1' };

function pod(podName: string, annotations: Record<string, string>, more: object = {}) {
  const metadata = { name: podName, namespace: 'default', annotations };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [container], ...more } };
}

function claim(claimName: string, storageClassName: string | undefined) {
  const resources = { requests: { storage: '1Gi' } };
  const metadata = { name: claimName, namespace: 'default' };
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata,
    spec: { storageClassName, accessModes: ['ReadWriteOnce'], resources },
  };
}

/** A program that makes a cluster, to be killed. */
async function bundle(): Promise<string> {
  const outfile = join(process.cwd(), 'node_modules', `.datamill-up-${process.pid}.mjs`);
  const contents = `import { rehearsal } from './src/targets/rehearsal.ts';
    await rehearsal.up(JSON.parse(process.argv[2]), { progress() {} });`;
  const banner = { js: "import{createRequire as r}from'node:module';const require=r(import.meta.url);" };
  const stdin = { contents, resolveDir: process.cwd(), loader: 'ts' as const };
  await build({ stdin, outfile, banner, bundle: true, platform: 'node', format: 'esm' });
  return outfile;
}

describe.sequential('a rehearsal cluster', () => {
  it('is not there at first', async () => {
    expect(await rehearsal.status(spec)).toBe('absent');
    await expect(rehearsal.connect(spec)).rejects.toMatchObject({ code: 'TARGET_DOWN', exitCode: 4 });
    const plan = await rehearsal.plan(spec);
    expect(plan).toHaveLength(1);
    expect(plan[0]!.join(' ')).toMatch(/^env KWOK_WORKDIR=\S+ HOME=\S+ kwokctl --name \S+ .*create cluster/);
    expect(existsSync(root)).toBe(false);
  });

  it('is created, also by two processes at once, with a kubeconfig of its own', async () => {
    const [first, second] = await Promise.all([rehearsal.up(spec, io), rehearsal.up(spec, io)]);
    handle = first;
    expect(second).toEqual(first);
    expect(first).toEqual({
      driver: 'rehearsal',
      kubeconfig: join(root, 'kubeconfig.yaml'),
      context: `kwok-${name}`,
      simulated: true,
    });
    expect(said.filter((line) => line.startsWith('creating'))).toHaveLength(1);
    expect(await rehearsal.status(spec)).toBe('running');
    expect((await processes()).map((process) => process.name).sort()).toEqual(programs);
  });

  it('keeps its keys to itself and leaves the home folder alone', async () => {
    expect((await stat(handle.kubeconfig)).mode & 0o777).toBe(0o600);
    expect((await stat(root)).mode & 0o777).toBe(0o700);
    const keys = join(root, 'kwok/clusters', name, 'pki');
    for (const file of await readdir(keys)) expect((await stat(join(keys, file))).mode & 0o077, file).toBe(0);
    expect(parse(await readFile(handle.kubeconfig, 'utf8'))['current-context']).toBe(handle.context);
    expect(await readdir(home)).toEqual([]);
  });

  it('is left as it is by a second up, in less than 100 ms', async () => {
    const pids = await processes();
    const silent = said.length;
    const times: number[] = [];
    for (const _ of [1, 2, 3]) {
      const started = performance.now();
      expect(await rehearsal.up(spec, io)).toEqual(handle);
      times.push(performance.now() - started);
    }
    expect(Math.min(...times)).toBeLessThan(100);
    expect(await processes()).toEqual(pids);
    expect(said.slice(silent)).toEqual([]);
    expect(await rehearsal.plan(spec)).toEqual([]);
    expect(await rehearsal.connect(spec)).toEqual(handle);
  });

  it('listens on the loopback address only', async () => {
    const addresses = await listeners();
    expect(addresses.length).toBeGreaterThanOrEqual(6);
    for (const address of addresses) expect(address).toMatch(/^0100007F:/);
  });

  it('has Secrets sealed at rest', async () => {
    await kubectl('create', 'secret', 'generic', 'hidden', '--from-literal=key=in-clear-sight');
    await kubectl('create', 'configmap', 'shown', '--from-literal=key=plainly-visible');
    await eventually(async () => {
      const grep = async (text: string) =>
        (await exec('grep', ['-rac', text, join(root, 'kwok/clusters', name, 'etcd')])).exitCode;
      expect(await grep('plainly-visible')).toBe(0);
      expect(await grep('in-clear-sight')).toBe(1);
    });
    expect((await read('secret', 'hidden')).data.key).toBe(Buffer.from('in-clear-sight').toString('base64'));
  });

  it('gives Services addresses apart from pods, and LoadBalancers one from outside', async () => {
    const metadata = { name: 'balanced', namespace: 'default' };
    await apply({
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { type: 'LoadBalancer', ports: [{ port: 80 }] },
    });
    await eventually(async () => {
      const service = await read('service', 'balanced');
      expect(service.spec.clusterIP).toMatch(/^10\.96\./);
      expect(service.status.loadBalancer.ingress).toEqual([expect.objectContaining({ ip: '192.0.2.1' })]);
    });
  });

  it('binds claims of the classes that were named, and of the default one, and no others', async () => {
    await apply(claim('odd', 'odd-class'), claim('default', undefined), claim('wrong', 'no-such-class'));
    await eventually(async () => {
      const { items } = await read('pvc', '-n', 'default');
      const phases = items.map((item: { metadata: { name: string }; status: { phase: string } }) => [
        item.metadata.name,
        item.status.phase,
      ]);
      expect(Object.fromEntries(phases)).toEqual({ odd: 'Bound', default: 'Bound', wrong: 'Pending' });
    });
  });

  it('grows a claim, and deletes the volume of a deleted one', async () => {
    await kubectl('patch', 'pvc', 'odd', '-p', '{"spec":{"resources":{"requests":{"storage":"3Gi"}}}}');
    await eventually(async () => expect((await read('pvc', 'odd')).status.capacity.storage).toBe('3Gi'));
    await kubectl('delete', 'pvc', 'odd', 'wrong');
    await eventually(async () => expect((await read('pv')).items).toHaveLength(1));
  });

  it('makes the classes that are named later', async () => {
    await rehearsal.up({ ...spec, storageClasses: ['odd-class', 'later'] }, io);
    await apply(claim('late', 'later'));
    await eventually(async () => expect((await read('pvc', 'late')).status.phase).toBe('Bound'));
  });

  it('has one node of the default sizes, and then those that are asked for', async () => {
    const capacities = async () => {
      const { items } = await read('nodes');
      return items.map((node: { metadata: { name: string }; status: { capacity: object } }) => [
        node.metadata.name,
        node.status.capacity,
      ]);
    };
    const standard = { cpu: '8', memory: '16Gi', 'ephemeral-storage': '100G', pods: '110' };
    expect(await capacities()).toEqual([[`${name}-node-0`, standard]]);

    const large = { ...spec, nodes: 3, cpus: 4, memory: 2048, storage: '20Gi', gpuSupport: true };
    await rehearsal.up(large, io);
    const sizes = {
      cpu: '4',
      memory: '2Gi',
      'ephemeral-storage': '20Gi',
      pods: '110',
      'nvidia.com/gpu': '1',
    };
    expect(await capacities()).toEqual([0, 1, 2].map((index) => [`${name}-node-${index}`, sizes]));

    const limits = { 'nvidia.com/gpu': 1 };
    const gpu = { containers: [{ ...container, resources: { limits } }] };
    await apply(pod('gpu-0', {}, gpu), pod('gpu-1', {}, gpu), pod('gpu-2', {}, gpu), pod('gpu-3', {}, gpu));
    await eventually(async () => {
      const phases = (await read('pods')).items.map(
        (item: { status: { phase: string } }) => item.status.phase,
      );
      expect(phases.sort()).toEqual(['Pending', 'Running', 'Running', 'Running']);
    });
    await kubectl('delete', 'pods', '--all');

    await rehearsal.up(spec, io);
    expect(await capacities()).toEqual([[`${name}-node-0`, standard]]);
  });

  it('moves the pods of a node that is taken away', async () => {
    await rehearsal.up({ ...spec, nodes: 2 }, io);
    const template = { metadata: { labels: { app: 'moved' } }, spec: { containers: [container] } };
    const metadata = { name: 'moved', namespace: 'default' };
    const selector = { matchLabels: { app: 'moved' } };
    await apply({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: { replicas: 4, selector, template },
    });
    await kubectl('rollout', 'status', 'deployment/moved', '--timeout=20s');
    await rehearsal.up(spec, io);
    await eventually(async () => {
      const { items } = await read('pods', '-l', 'app=moved');
      expect(items.map((item: { spec: { nodeName: string } }) => item.spec.nodeName)).toEqual(
        Array(4).fill(`${name}-node-0`),
      );
    });
    await kubectl('delete', 'deployment', 'moved');
  });

  it('completes Jobs and Helm hooks, and shows that pods are simulated', async () => {
    const template = { spec: { restartPolicy: 'Never', containers: [container] } };
    await apply(
      {
        apiVersion: 'batch/v1',
        kind: 'Job',
        metadata: { name: 'job', namespace: 'default' },
        spec: { template },
      },
      pod('hook', { 'helm.sh/hook': 'test' }, { restartPolicy: 'Never' }),
      pod('plain', {}, { restartPolicy: 'Never' }),
    );
    await eventually(async () => {
      expect((await read('job', 'job')).status.succeeded).toBe(1);
      expect((await read('pod', 'hook')).status.phase).toBe('Succeeded');
      expect((await read('pod', 'plain')).status.phase).toBe('Running');
    });
    expect(await kubectl('logs', 'plain')).toContain('This pod is simulated');
  });

  it.each([
    ['image-pull-error', 'Pending', { waiting: { reason: 'ImagePullBackOff' } }, 0, 'Failed'],
    ['config-error', 'Pending', { waiting: { reason: 'CreateContainerConfigError' } }, 0, 'Failed'],
    ['crash-loop', 'Running', { waiting: { reason: 'CrashLoopBackOff' } }, 5, 'BackOff'],
    ['not-ready', 'Running', { running: {} }, 0, 'Unhealthy'],
  ])('simulates %s', async (failure, phase, containerState, restartCount, reason) => {
    await apply(pod(failure, { 'datamill.io/simulate': failure }));
    await eventually(async () => {
      const { status } = await read('pod', failure);
      expect(status).toMatchObject({
        phase,
        containerStatuses: [{ ready: false, restartCount, state: containerState }],
      });
      expect(status.conditions).toContainEqual(expect.objectContaining({ type: 'Ready', status: 'False' }));
      if (failure === 'crash-loop') expect(status.containerStatuses[0].lastState.terminated.exitCode).toBe(1);
      const { items } = await read('events', '--field-selector', `involvedObject.name=${failure}`);
      expect(items.map((event: { reason: string }) => event.reason)).toContain(reason);
    });
  });

  it('still does so a while later', async () => {
    await pause(2_000);
    for (const failure of ['image-pull-error', 'config-error', 'crash-loop', 'not-ready']) {
      const { conditions } = (await read('pod', failure)).status;
      expect(conditions).toContainEqual(expect.objectContaining({ type: 'Ready', status: 'False' }));
    }
  });

  it('keeps its objects when it is stopped and started', async () => {
    await rehearsal.stop(spec, io);
    expect(await processes()).toEqual([]);
    expect(await rehearsal.status(spec)).toBe('stopped');
    expect((await rehearsal.plan(spec))[0]).toContain('start');
    await expect(rehearsal.connect(spec)).rejects.toMatchObject({ code: 'TARGET_DOWN', exitCode: 4 });

    // As after a reboot: the pids of the files belong to somebody else now.
    const pids = join(root, 'kwok/clusters', name, 'pids');
    await writeFile(join(pids, 'etcd.pid'), String(process.pid));
    expect(await rehearsal.up(spec, io)).toEqual(handle);
    expect(await rehearsal.status(spec)).toBe('running');
    expect((await read('secret', 'hidden')).data.key).toBe(Buffer.from('in-clear-sight').toString('base64'));
    expect((await listeners()).every((address) => address.startsWith('0100007F:'))).toBe(true);
    await apply(pod('restarted', {}));
    await eventually(async () => expect((await read('pod', 'restarted')).status.phase).toBe('Running'));
  });

  it('is mended when one of its programs has died', async () => {
    const victim = (await processes()).find((process) => process.name === 'kwok-controller')!;
    process.kill(Number(victim.pid), 'SIGKILL');
    await pause(100);
    expect(await rehearsal.status(spec)).toBe('stopped');
    await rehearsal.up(spec, io);
    await apply(pod('after', {}));
    await eventually(async () => expect((await read('pod', 'after')).status.phase).toBe('Running'));
  });

  it('says so when it cannot be what is asked for', async () => {
    const silent = said.length;
    await rehearsal.up({ ...spec, version: '1.30' }, io);
    expect(said.slice(silent).join()).toContain('not 1.30');
    const other = { ...spec, name: `${name}-other`, version: '1.30' };
    await expect(rehearsal.up(other, io)).rejects.toMatchObject({ code: 'KUBERNETES_VERSION', exitCode: 3 });
    await expect(rehearsal.up({ ...spec, name: '../x' }, io)).rejects.toMatchObject({
      code: 'INVALID_NAME',
      exitCode: 2,
    });
  });

  it('leaves no process and no file when it is destroyed', async () => {
    await rehearsal.destroy(spec, io);
    expect(await processes()).toEqual([]);
    expect(await readdir(join(state, 'datamill', 'rehearsal'))).toEqual([]);
    expect(await rehearsal.status(spec)).toBe('absent');
    expect(await readdir(home)).toEqual([]);
    await rehearsal.destroy(spec, io);
  });
});

describe.sequential('a creation that is cut short', () => {
  beforeAll(() => rehearsal.destroy(spec, io));

  it('leaves nothing behind when it is interrupted', async () => {
    const controller = new AbortController();
    const pending = rehearsal.up(spec, { ...io, signal: controller.signal });
    await eventually(async () => expect((await processes()).length).toBeGreaterThan(2));
    controller.abort();
    await expect(pending).rejects.toMatchObject({ code: 'INTERRUPTED', exitCode: 130 });
    expect(await processes()).toEqual([]);
    expect(existsSync(root)).toBe(false);
  });

  it('is finished by the next up when it was killed in the middle', async () => {
    const program = await bundle();
    const child = spawn(process.execPath, [program, JSON.stringify(spec)], { stdio: 'ignore' });
    await eventually(async () => expect((await processes()).length).toBeGreaterThan(2));
    child.kill('SIGKILL');
    await once(child, 'exit');
    await rm(program);
    // kwokctl itself goes on when its parent is killed.
    handle = await rehearsal.up(spec, io);
    expect((await processes()).map((process) => process.name).sort()).toEqual(programs);
    expect(await rehearsal.status(spec)).toBe('running');
    expect((await read('nodes')).items).toHaveLength(1);
  });

  it('is recognised by the next up when only the last step is missing', async () => {
    expect(await rehearsal.status(spec)).toBe('running');
    await rm(join(root, 'cluster.json'));
    const pids = (await processes()).map((process) => process.pid);
    expect(await rehearsal.status(spec)).toBe('absent');
    handle = await rehearsal.up(spec, io);
    const now = (await processes()).map((process) => process.pid);
    expect(now).toHaveLength(5);
    expect(now.filter((pid) => pids.includes(pid))).toEqual([]);
    expect(JSON.parse(await kubectl('get', 'nodes', '-o', 'json')).items).toHaveLength(1);
    await rehearsal.destroy(spec, io);
  });

  it('shows the log of the program that fails, and cleans up', async () => {
    const broken = join(state, 'kube-apiserver');
    const body =
      'case "$1" in --version) echo Kubernetes v1.35.9;; *) echo "E1 bind: no luck today" >&2; exit 1;; esac';
    await writeFile(broken, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    process.env.DATAMILL_KUBE_APISERVER = broken;
    try {
      const controller = new AbortController();
      await expect(rehearsal.up(spec, { ...io, signal: controller.signal })).rejects.toMatchObject({
        code: 'REHEARSAL_FAILED',
        message: expect.stringMatching(/log of kube-apiserver:\n\s+E1 bind: no luck today/),
      });
    } finally {
      delete process.env.DATAMILL_KUBE_APISERVER;
    }
    expect(await processes()).toEqual([]);
    expect(existsSync(root)).toBe(false);
  });
});
