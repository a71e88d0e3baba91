import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { errorMessage, refusedError, unreachableError } from '../errors.ts';
import { findTool, resolveTools, type Tool, wantedVersion } from '../tools/index.ts';
import { throwIfAborted } from '../util/abort.ts';
import { withLock } from '../util/lock.ts';
import type {
  Command,
  Detected,
  Driver,
  TargetHandle,
  TargetIO,
  TargetSpec,
  TargetState,
} from './contract.ts';
import { Api } from './rehearsal/api.ts';
import { reconcileClasses } from './rehearsal/classes.ts';
import { components, writeFiles, writeKubeconfig } from './rehearsal/files.ts';
import { createCommand, relink, runKwokctl, startCommand } from './rehearsal/kwokctl.ts';
import { type Layout, layoutOf } from './rehearsal/layout.ts';
import { type Marker, readMarker, stagesDigest, writeMarker } from './rehearsal/marker.ts';
import { reconcileNodes, sizesOf } from './rehearsal/nodes.ts';
import { allRun, endProcesses, forgetStopped } from './rehearsal/processes.ts';

/** A real API server, etcd, controller manager and scheduler on this machine, and simulated nodes. */
export const rehearsal: Driver = {
  name: 'rehearsal',
  simulated: true,
  ownsCluster: true,
  abilities: {
    stop: true,
    nodes: true,
    sizes: true,
    images: true,
    gpu: 'simulated',
    billed: false,
    tried: 'cluster',
  },
  detect,
  status: (spec) => stateOf(layoutOf(spec.name)),
  up,
  connect,
  stop,
  destroy,
  plan,
  planEnd: async () => [],
  costs: () => [],
  // Nothing runs in the pods of a rehearsal, so nothing is missing there.
  loadImages: async () => undefined,
};

async function detect(): Promise<Detected[]> {
  const names = ['kwokctl', ...components.map(({ tool }) => tool)];
  // Those that are not there are downloaded or built when they are needed.
  const found = await Promise.all(names.map((name) => findTool(name)));
  return names.map((program, index) => ({ program, version: found[index]?.version }));
}

async function stateOf(layout: Layout): Promise<TargetState> {
  const marker = await readMarker(layout);
  if (marker === undefined) return 'absent';
  return (await answers(layout, marker)) ? 'running' : 'stopped';
}

async function answers(layout: Layout, marker: Marker): Promise<boolean> {
  if (!(await allRun(layout))) return false;
  const api = await Api.open(layout, marker.port).catch(() => undefined);
  const ready = (await api?.isReady()) ?? false;
  api?.close();
  return ready;
}

async function up(spec: TargetSpec, io: TargetIO): Promise<TargetHandle> {
  const layout = layoutOf(spec.name);
  sizesOf(spec);
  if ((await stateOf(layout)) !== 'running') await bringUp(layout, spec, io);
  const marker = (await readMarker(layout))!;
  const api = await Api.open(layout, marker.port);
  try {
    await Promise.all([reconcileNodes(api, spec, marker.kubernetes, io), reconcileClasses(api, spec)]);
  } finally {
    api.close();
  }
  await mentionDifferences(spec, marker, io);
  return handleOf(layout);
}

function handleOf(layout: Layout): TargetHandle {
  return { driver: 'rehearsal', kubeconfig: layout.kubeconfig, context: layout.context, simulated: true };
}

async function bringUp(layout: Layout, spec: TargetSpec, io: TargetIO): Promise<void> {
  if ((await readMarker(layout)) === undefined) await refuseOtherVersion(spec);
  const names = ['kwokctl', ...components.map(({ tool }) => tool)];
  const tools = await resolveTools(names, { signal: io.signal, onProgress: io.progress });
  const onWait = () => io.progress(`another process is working on the rehearsal cluster ${layout.name}`);
  await withLock(layout.lock, { signal: io.signal, onWait }, async () => {
    const state = await stateOf(layout);
    if (state === 'absent') await create(layout, tools, io);
    if (state === 'stopped') await start(layout, tools, io);
  });
}

async function create(layout: Layout, tools: Map<string, Tool>, io: TargetIO): Promise<void> {
  if (existsSync(layout.root)) {
    io.progress(`removing what an interrupted run left of the rehearsal cluster ${layout.name}`);
    await removeAll(layout);
  }
  io.progress(`creating the rehearsal cluster ${layout.name}`);
  try {
    const port = await createOnce(layout, tools, io);
    await writeKubeconfig(layout, port);
    const kubernetes = tools.get('kube-apiserver')!.version;
    await writeMarker(layout, { kubernetes, port, stages: await stagesDigest() });
  } catch (error) {
    await removeAll(layout);
    throw error;
  }
}

/** Tries again when somebody took one of the chosen ports meanwhile. */
async function createOnce(
  layout: Layout,
  tools: Map<string, Tool>,
  io: TargetIO,
  tries = 3,
): Promise<number> {
  const port = await writeFiles(layout, tools);
  try {
    await runKwokctl(layout, await createCommand(layout, tools.get('kwokctl')!.path), io);
    return port;
  } catch (error) {
    throwIfAborted(io.signal);
    if (tries === 1 || !errorMessage(error).includes('address already in use')) throw error;
    await removeAll(layout);
    return createOnce(layout, tools, io, tries - 1);
  }
}

async function start(layout: Layout, tools: Map<string, Tool>, io: TargetIO): Promise<void> {
  io.progress(`starting the rehearsal cluster ${layout.name}`);
  await forgetStopped(layout);
  await relink(layout, tools);
  await runKwokctl(layout, startCommand(layout, tools.get('kwokctl')!.path), io);
}

async function removeAll(layout: Layout): Promise<void> {
  await endProcesses(layout, 0);
  await rm(layout.root, { recursive: true, force: true, maxRetries: 3 });
}

async function refuseOtherVersion(spec: TargetSpec): Promise<void> {
  const offered = await wantedVersion('kube-apiserver');
  if (spec.version === undefined || `${offered}.`.startsWith(`${spec.version.replace(/^v/, '')}.`)) return;
  throw refusedError(
    'KUBERNETES_VERSION',
    `A rehearsal runs Kubernetes ${offered}; ${spec.version} is asked for.`,
    {
      hint: 'Leave the version out, or use another target.',
    },
  );
}

/** A running cluster is left as it is: changing it would lose what is in it. */
async function mentionDifferences(spec: TargetSpec, marker: Marker, io: TargetIO): Promise<void> {
  const wanted = spec.version?.replace(/^v/, '') ?? (await wantedVersion('kube-apiserver'));
  const remedy = '`datamill destroy` and `datamill up` make it anew';
  if (!`${marker.kubernetes}.`.startsWith(`${wanted}.`)) {
    io.progress(`the rehearsal runs Kubernetes ${marker.kubernetes}, not ${wanted}; ${remedy}`);
  }
  if (marker.stages !== (await stagesDigest())) {
    io.progress(`the rehearsal simulates as an earlier datamill did; ${remedy}`);
  }
}

async function connect(spec: TargetSpec): Promise<TargetHandle> {
  const layout = layoutOf(spec.name);
  const state = await stateOf(layout);
  if (state === 'running') return handleOf(layout);
  const what = state === 'absent' ? 'does not exist' : 'is stopped';
  throw unreachableError('TARGET_DOWN', `The rehearsal cluster ${layout.name} ${what}.`, {
    hint: state === 'absent' ? 'Make it with `datamill up`.' : 'Start it with `datamill start`.',
  });
}

async function stop(spec: TargetSpec, io: TargetIO): Promise<void> {
  const layout = layoutOf(spec.name);
  await withLock(layout.lock, { signal: io.signal }, async () => {
    io.progress(`stopping the rehearsal cluster ${layout.name}`);
    await endProcesses(layout, 3_000);
  });
}

async function destroy(spec: TargetSpec, io: TargetIO): Promise<void> {
  const layout = layoutOf(spec.name);
  await withLock(layout.lock, { signal: io.signal }, async () => {
    io.progress(`removing the rehearsal cluster ${layout.name}`);
    await removeAll(layout);
  });
}

async function plan(spec: TargetSpec): Promise<Command[]> {
  const layout = layoutOf(spec.name);
  const state = await stateOf(layout);
  if (state === 'running') return [];
  if (state === 'stopped')
    return [{ about: 'starting the rehearsal cluster', command: startCommand(layout, 'kwokctl') }];
  return [{ about: 'creating the rehearsal cluster', command: await createCommand(layout, 'kwokctl') }];
}
