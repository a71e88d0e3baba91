import { readdirSync, rmSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { refusedError } from '../errors.ts';
import { isolateContext } from '../kube/kubeconfig-edit.ts';
import { SshWay } from '../ssh/index.ts';
import { writeAtomically } from '../util/atomic.ts';
import { isAlive } from '../util/lock.ts';
import type { Driver, TargetHandle, TargetIO, TargetSpec } from './contract.ts';
import { k3sPlanner } from './k3s.ts';
import { microk8sPlanner } from './microk8s.ts';
import { detectPrograms } from './planned/detect.ts';
import { authorise, execute, shown } from './planned/execute.ts';
import { machineAt } from './planned/machine.ts';
import type { Place } from './planned/place.ts';
import { bringUp, downError, end, fetchKubeconfig, planUp, stateOf } from './planned/planned.ts';
import type { Planner, Request } from './planned/planner.ts';
import { untilReady } from './planned/ready.ts';
import { type Kept, keptOf } from './planned/state.ts';
import { hopsOf } from './ssh/address.ts';
import { existing } from './ssh/existing.ts';
import { placeOver } from './ssh/place.ts';

/**
 * A machine that is reached over SSH: what the planners of k3s and microk8s plan is run there, and
 * its API server, which need listen on its loopback only, comes to a port of ours.
 */
export const ssh: Driver = {
  name: 'ssh',
  simulated: false,
  ownsCluster: true,
  abilities: {
    stop: true,
    nodes: false,
    sizes: false,
    images: true,
    gpu: 'component',
    billed: false,
    tried: 'cluster',
  },
  costs: () => [],
  detect: async (spec, io) => {
    const { planner, request, place } = await open(spec, io);
    return await detectPrograms(planner.programs(request), place);
  },
  status: async (spec, io) => {
    const { planner, request, place } = await open(spec, io);
    return await stateOf(planner, request, place, { ...quiet, ...io });
  },
  up: async (spec, io) => {
    const reached = await open(spec, io);
    await bringUp(reached.planner, reached.request, reached.place, reached.kept, io);
    const handle = await forward(reached, io);
    await untilReady(handle, io);
    return handle;
  },
  connect: async (spec, io) => {
    const reached = await open(spec, io);
    const all = { ...quiet, ...io };
    const state = await stateOf(reached.planner, reached.request, reached.place, all);
    if (state !== 'running') throw downError(reached.planner, spec, state);
    return await forward(reached, all);
  },
  stop: (spec, io) => endThere(spec, io, 'stop'),
  destroy: (spec, io) => endThere(spec, io, 'destroy'),
  plan: async (spec, io) => {
    const { planner, request, place, kept } = await open(spec, io);
    return shown((await planUp(planner, request, place, kept, { ...quiet, ...io })).steps);
  },
  planEnd: async (spec, verb, io) => {
    const { planner, request } = await open(spec, io);
    return shown(planner[verb](request));
  },
  loadImages: async (spec, archives, io) => {
    const { planner, request, place } = await open(spec, io);
    for (const archive of archives) {
      const there = '.datamill-image.tar';
      const steps = planner.loadImage(request, there);
      await authorise(steps, place, io);
      const [first, ...others] = steps;
      const uploads = [{ from: archive, to: there, mode: 0o600 }];
      const remove = { about: 'removing what was uploaded', command: ['rm', '-f', there] };
      await execute(planner, [{ ...first!, uploads }, ...others, remove], request, place, io);
    }
  },
};

const quiet: TargetIO = { progress: () => undefined };

interface Reached {
  planner: Planner;
  request: Request;
  place: Place;
  way: SshWay;
  kept: Kept;
}

/** One connection for each target and process: it lives as long as that. */
const ways = new Map<string, SshWay>();

async function open(spec: TargetSpec, io: Partial<TargetIO> = {}): Promise<Reached> {
  const kept = keptOf('ssh', spec.name);
  const hops = hopsOf(spec, io);
  const id = JSON.stringify([
    kept.root,
    hops.map(({ trust, login }) => [trust.host, trust.port, login.user, login.keys]),
  ]);
  const way = ways.get(id) ?? new SshWay(hops, io.progress ?? (() => undefined), io.signal);
  ways.set(id, way);
  const place = placeOver(way);
  const { install } = spec.settings;
  const planner = install === 'k3s' ? k3sPlanner : install === 'microk8s' ? microk8sPlanner : existing;
  const machine = await machineAt(place);
  // There it is installed on the machine itself, which was chosen for it.
  const settings = { use_multipass: false, ...spec.settings };
  return {
    planner,
    place,
    way,
    kept,
    request: { spec: { ...spec, settings }, machine, kubeconfig: kept.kubeconfig },
  };
}

async function endThere(spec: TargetSpec, io: TargetIO, verb: 'stop' | 'destroy'): Promise<void> {
  const { planner, request, place, kept } = await open(spec, io);
  if (planner === existing) {
    throw refusedError(
      'NOT_OUR_CLUSTER',
      `datamill did not install the cluster on ${spec.settings.host} and will not ${verb} it`,
      {
        hint: '`datamill down` removes what datamill installed in it',
      },
    );
  }
  await end(planner, request, place, kept, io, verb);
}

/**
 * Brings the API server of the machine to a port of loopback. The kubeconfig is this process's own
 * and ends with it; `io.hold` asks for the lasting one, with the port of the time before.
 */
async function forward({ planner, request, place, way, kept }: Reached, io: TargetIO): Promise<TargetHandle> {
  const given = await fetchKubeconfig(planner, request, place, io);
  const name = `ssh-${request.spec.name}`;
  const { hostname, port } = new URL(isolateContext(given, { name }).server);
  const remote = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || 443 };
  await mkdir(kept.root, { recursive: true, mode: 0o700 });
  const local = await listen(way, remote, io.hold ? await portBefore(kept) : 0);
  const { text, context } = isolateContext(given, { name, server: `https://127.0.0.1:${local}` });
  const file = io.hold ? kept.kubeconfig : join(kept.root, `run-${process.pid}.yaml`);
  await writeAtomically(file, text, 0o600);
  if (!io.hold) removeAtExit(kept, file);
  return { driver: 'ssh', kubeconfig: file, context, simulated: false };
}

/** The port of the time before, so that a kubeconfig that was handed out goes on working. */
async function portBefore({ kubeconfig }: Kept): Promise<number> {
  const text = await readFile(kubeconfig, 'utf8').catch(() => '');
  return Number(/https:\/\/127\.0\.0\.1:(\d+)/.exec(text)?.[1] ?? 0);
}

async function listen(
  way: SshWay,
  { host, port }: { host: string; port: number },
  wish: number,
): Promise<number> {
  try {
    return await way.forward(host, port, wish);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || wish === 0) throw error;
    return await way.forward(host, port, 0);
  }
}

/** Files of processes that were killed go, too. */
function removeAtExit({ root }: Kept, file: string): void {
  process.once('exit', () => rmSync(file, { force: true }));
  for (const name of readdirSync(root)) {
    const pid = Number(/^run-(\d+)\.yaml$/.exec(name)?.[1] ?? 0);
    if (pid !== 0 && !isAlive(pid)) rmSync(join(root, name), { force: true });
  }
}
