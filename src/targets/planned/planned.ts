import { mkdir, readFile } from 'node:fs/promises';
import { isolateContext } from '../../kube/kubeconfig-edit.ts';
import { DatamillError, refusedError, unreachableError } from '../../errors.ts';
import { throwIfAborted } from '../../util/abort.ts';
import { writeAtomically } from '../../util/atomic.ts';
import type { ExecResult } from '../../util/exec.ts';
import { withLock } from '../../util/lock.ts';
import type { Driver, TargetHandle, TargetIO, TargetSpec, TargetState } from '../contract.ts';
import { detectPrograms } from './detect.ts';
import { authorise, execute, shown } from './execute.ts';
import { localPlace } from './local-place.ts';
import { type Machine, thisMachine } from './machine.ts';
import type { Place, Step } from './place.ts';
import type { Planner, Request } from './planner.ts';
import { untilReady } from './ready.ts';
import { forget, type Kept, keptOf, readMark, writeMark } from './state.ts';

const quiet: TargetIO = { progress: () => undefined };

/** A driver made of a planner: what it plans is run here, on this machine. */
export function planned(planner: Planner, machine: () => Machine = thisMachine): Driver {
  const open = (spec: TargetSpec) => {
    const kept = keptOf(planner.name, spec.name);
    return {
      kept,
      place: localPlace,
      request: { spec, machine: machine(), kubeconfig: kept.kubeconfig },
    };
  };
  return {
    name: planner.name,
    simulated: false,
    ownsCluster: true,
    abilities: planner.abilities,
    costs: (spec) => planner.costs?.(spec) ?? [],
    detect: (spec) => {
      const { request, place } = open(spec);
      return detectPrograms(planner.programs(request), place);
    },
    status: async (spec, io) => {
      const { request, place } = open(spec);
      return await stateOf(planner, request, place, { ...quiet, ...io });
    },
    up: async (spec, io) => {
      const { kept, request, place } = open(spec);
      await bringUp(planner, request, place, kept, io);
      return await publish(planner, request, place, kept, io);
    },
    connect: async (spec, io) => {
      const { kept, request, place } = open(spec);
      const state = await stateOf(planner, request, place, { ...quiet, ...io });
      if (state !== 'running') throw downError(planner, spec, state);
      return await handleOf(planner, request, place, kept, { ...quiet, ...io });
    },
    stop: async (spec, io) => {
      const { kept, request, place } = open(spec);
      await end(planner, request, place, kept, io, 'stop');
    },
    destroy: async (spec, io) => {
      const { kept, request, place } = open(spec);
      await end(planner, request, place, kept, io, 'destroy');
    },
    plan: async (spec, io) => {
      const { kept, request, place } = open(spec);
      return shown((await planUp(planner, request, place, kept, { ...quiet, ...io })).steps);
    },
    planEnd: async (spec, verb) => shown(planner[verb](open(spec).request)),
    loadImages: async (spec, archives, io) => {
      const { request, place } = open(spec);
      const steps = archives.flatMap((archive) => planner.loadImage(request, archive));
      await authorise(steps, place, io);
      await execute(planner, steps, request, place, io);
    },
  };
}

/** What the cluster says of itself; looking changes nothing and needs no program to be there. */
export async function stateOf(
  planner: Planner,
  request: Request,
  place: Place,
  io: TargetIO,
): Promise<TargetState> {
  const results: ExecResult[] = [];
  for (const step of planner.look(request)) {
    await authorise([step], place, io);
    const result = await place.run(step, { signal: io.signal });
    throwIfAborted(io.signal);
    // Who cannot log in, or whose docker does not answer, knows nothing about what is there.
    const known = result.exitCode === 0 ? undefined : planner.explain?.(result, request);
    if (known !== undefined) throw known;
    results.push(result);
    // What is not there is not asked any further.
    if (planner.read(results, request) === 'absent') return 'absent';
  }
  return planner.read(results, request);
}

/** The steps that are left to do; refuses what cannot be, before anything is done. */
export async function planUp(
  planner: Planner,
  request: Request,
  place: Place,
  kept: Kept,
  io: TargetIO,
): Promise<{ state: TargetState; steps: Step[] }> {
  planner.refuse?.(request);
  const state = await stateOf(planner, request, place, io);
  const mark = await readMark(kept);
  if (mark === 'begun' && state !== 'absent' && planner.createsAnew)
    return { state, steps: [...planner.destroy(request), ...planner.create(request)] };
  if (state === 'absent' || mark === 'begun') return { state, steps: planner.create(request) };
  if (mark === undefined && !io.adopt && !planner.others) throw foreignError(planner, request.spec, state);
  return { state, steps: state === 'stopped' ? planner.start(request) : [] };
}

export async function bringUp(
  planner: Planner,
  request: Request,
  place: Place,
  kept: Kept,
  io: TargetIO,
): Promise<void> {
  planner.refuse?.(request);
  await requirePrograms(planner, request, place);
  await mkdir(kept.root, { recursive: true, mode: 0o700 });
  const onWait = () =>
    io.progress(`another process is working on the ${planner.name} cluster ${request.spec.name}`);
  await withLock(kept.lock, { signal: io.signal, onWait }, async () => {
    const { state: before, steps } = await planUp(planner, request, place, kept, io);
    if (steps.length === 0) return await writeMark(kept, 'made');
    if (before === 'absent') refuseTooLarge(planner, request);
    await authorise(steps, place, io);
    if (before === 'absent') await writeMark(kept, 'begun');
    await execute(planner, steps, request, place, io);
    const state = await stateOf(planner, request, place, io);
    if (state !== 'running') {
      throw new DatamillError(
        'TARGET_FAILED',
        `every command went well, yet ${planner.name} says that the cluster is ${state}`,
        {
          hint: 'run the same command again; `datamill destroy` removes what is there',
        },
      );
    }
    await writeMark(kept, 'made');
  });
}

async function publish(
  planner: Planner,
  request: Request,
  place: Place,
  kept: Kept,
  io: TargetIO,
): Promise<TargetHandle> {
  const handle = await handleOf(planner, request, place, kept, io);
  await untilReady(handle, io);
  return handle;
}

/** Fetches the kubeconfig anew each time: addresses and certificates change with a restart. */
async function handleOf(
  planner: Planner,
  request: Request,
  place: Place,
  kept: Kept,
  io: TargetIO,
): Promise<TargetHandle> {
  const text = await fetchKubeconfig(planner, request, place, io);
  const { driver, name } = request.spec;
  const { text: isolated, context } = isolateContext(text, {
    name: planner.ownContext ? undefined : `${driver}-${name}`,
  });
  await mkdir(kept.root, { recursive: true, mode: 0o700 });
  await writeAtomically(kept.kubeconfig, isolated, 0o600);
  return { driver, kubeconfig: kept.kubeconfig, context, simulated: false };
}

/** @returns the kubeconfig as the cluster gives it. */
export async function fetchKubeconfig(
  planner: Planner,
  request: Request,
  place: Place,
  io: TargetIO,
): Promise<string> {
  const { prints, ...step } = planner.kubeconfig(request);
  // What it says is secret: it is no progress.
  const silent = { ...step, progress: () => undefined };
  await authorise([step], place, io);
  const [result] = await execute(planner, [silent], request, place, io);
  return prints ? result!.stdout : await readFile(request.kubeconfig, 'utf8').catch(() => '');
}

export async function end(
  planner: Planner,
  request: Request,
  place: Place,
  kept: Kept,
  io: TargetIO,
  verb: 'stop' | 'destroy',
): Promise<void> {
  if (verb === 'stop' && !planner.abilities.stop) {
    throw refusedError('CANNOT_STOP', `a ${planner.name} cluster cannot be stopped`, {
      hint: '`datamill destroy` removes it, with everything in it',
    });
  }
  if ((await readMark(kept)) === undefined) throw foreignError(planner, request.spec, 'running');
  await requirePrograms(planner, request, place);
  await withLock(kept.lock, { signal: io.signal }, async () => {
    const steps = planner[verb](request);
    await authorise(steps, place, io);
    await execute(planner, steps, request, place, io);
    const state = await stateOf(planner, request, place, io);
    if (state === 'running' || (verb === 'destroy' && state !== 'absent')) {
      throw new DatamillError(
        'TARGET_FAILED',
        `every command went well, yet the cluster ${request.spec.name} is ${state}`,
        {
          hint: 'run the same command again',
        },
      );
    }
    if (verb === 'destroy') await forget(kept);
  });
}

/** @throws TARGET_TOOLS, exit code 3, with how to install what is missing. */
async function requirePrograms(planner: Planner, request: Request, place: Place): Promise<void> {
  const found = await detectPrograms(planner.programs(request), place);
  const [first, ...others] = found.flatMap(({ problem }) =>
    problem === undefined ? [] : [refusedError('TARGET_TOOLS', problem.message, { hint: problem.hint })],
  );
  if (first !== undefined) throw refusedError(first.code, first.message, { hint: first.hint, others });
}

/** @throws TARGET_TOO_SMALL, exit code 3: asked for too little, or for more than the machine has. */
function refuseTooLarge({ name, abilities, limits }: Planner, { spec, machine }: Request): void {
  const { cpus, memory, nodes = 1 } = spec;
  if (limits !== undefined) {
    const low =
      cpus !== undefined && cpus < limits.cpus
        ? `cpus: ${cpus} is less than the ${limits.cpus}`
        : memory !== undefined && memory < limits.memory
          ? `memory: ${memory} MiB is less than the ${limits.memory} MiB`
          : undefined;
    if (low !== undefined)
      throw refusedError('TARGET_TOO_SMALL', `${low} that a ${name} node needs`, {
        hint: 'ask for more in the target',
      });
  }
  if (!abilities.sizes || abilities.billed || memory === undefined || memory * nodes <= machine.memory)
    return;
  throw refusedError(
    'TARGET_TOO_SMALL',
    `memory: ${memory} MiB${nodes > 1 ? ` for each of ${nodes} nodes` : ''} is asked for, and this machine has ${machine.memory} MiB`,
    { hint: 'ask for less in the target, or use another machine' },
  );
}

function foreignError({ name }: Planner, spec: TargetSpec, state: TargetState): DatamillError {
  return refusedError(
    'FOREIGN_CLUSTER',
    `there is a ${name} cluster ${spec.name} (${state}) that datamill did not make`,
    {
      hint: `use another \`name\`, take it over with \`datamill up --adopt\`, or use it as it is: \`hybrid: { context: … }\``,
    },
  );
}

export function downError({ name }: Planner, spec: TargetSpec, state: TargetState): DatamillError {
  const what = state === 'absent' ? 'does not exist' : 'is stopped';
  return unreachableError('TARGET_DOWN', `The ${name} cluster ${spec.name} ${what}.`, {
    hint: state === 'absent' ? 'Make it with `datamill up`.' : 'Start it with `datamill start`.',
  });
}
