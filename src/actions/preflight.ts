import { setTimeout as sleep } from 'node:timers/promises';
import semver from 'semver';
import { estimate } from '../doctor/estimate.ts';
import { misfits } from '../doctor/fit.ts';
import { certainKinds } from '../doctor/kinds.ts';
import { podsOfComponents } from '../doctor/leaving.ts';
import { type NamespaceState, namespaceState, terminatingWords } from '../doctor/namespaces.ts';
import { rightsFor } from '../doctor/rights.ts';
import { roomOf } from '../doctor/room.ts';
import { growsByItself } from '../doctor/scaling.ts';
import { classesWords, missingClasses } from '../doctor/storage.ts';
import { isTight, isTrifle } from '../doctor/tight.ts';
import { type DatamillError, refusedError } from '../errors.ts';
import { reviewRights, rightsWords } from '../kube/access.ts';
import { KubeError } from '../kube/errors.ts';
import { listIfAllowed } from '../kube/objects.ts';
import type { KubeObject } from '../kube/types.ts';
import type { Reporter } from './events.ts';
import { classesOf, type Session } from './session.ts';
import {
  changedComponents,
  demands,
  type PlacedKind,
  type Recorded,
  runningPods,
  undertaking,
} from './survey.ts';

export interface PreflightOptions {
  report: Reporter;
  signal?: AbortSignal;
  /** Go on where rights, room or storage classes are missing. */
  force?: boolean;
}

/** Milliseconds that a namespace which is being deleted is waited for, when nothing is seen that keeps it. */
const GOING_PATIENCE = 60_000;
/** Milliseconds for which finalizers may be those of a deletion that takes its course. */
const GOING_GRACE = 20_000;

/**
 * Refuses what cannot come to a good end, before anything is touched. Where all components are
 * unchanged that takes two requests; else what is needed is asked for at once, and charts are only
 * rendered when their declared needs leave a doubt whether they fit.
 *
 * @throws {DatamillError} exit 3: KUBERNETES_VERSION, NAMESPACE_TERMINATING, and, unless forced,
 *   MISSING_RIGHTS, STORAGE_CLASS, CAPACITY.
 */
export async function preflight(session: Session, options: PreflightOptions): Promise<void> {
  refuseVersion(session);
  const { api, identity, resolved } = session;
  const { signal, report } = options;
  const names = [...new Set([identity.namespace, ...resolved.components.map(({ namespace }) => namespace)])];
  const [spaces, changed] = await Promise.all([
    Promise.all(names.map((name) => settledNamespace(api, name, options))),
    changedComponents(session, signal),
  ]);
  if (changed.length === 0) return;
  const problems = (
    await Promise.all([
      lackingRights(session, changed, spaces, signal),
      orNothing(lackingClasses(session, changed, signal)),
      orNothing(lackingRoom(session, changed, options)),
    ])
  ).flat();
  const [first, ...others] = problems;
  if (first === undefined) return;
  if (!options.force) throw refusedError(first.code, first.message, { hint: first.hint, others });
  for (const { message } of problems) report({ type: 'warning', message: `forced, although ${message}` });
}

function refuseVersion({ resolved, kubernetes }: Session): void {
  for (const { name, spec } of resolved.components) {
    const wanted = spec.requires.kubernetes;
    const version = semver.coerce(kubernetes);
    if (wanted === undefined || version === null || semver.satisfies(version, wanted)) continue;
    throw refusedError(
      'KUBERNETES_VERSION',
      `${name} requires Kubernetes ${wanted}, and the cluster is ${kubernetes}`,
      { hint: 'choose another target, or leave the component out' },
    );
  }
}

/** A namespace that is being deleted is gone within seconds, unless somebody's finalizer keeps it. */
async function settledNamespace(
  api: Session['api'],
  name: string,
  { signal, report }: PreflightOptions,
): Promise<NamespaceState> {
  const step = { type: 'step', phase: 'preflight' } as const;
  const deadline = Date.now() + GOING_PATIENCE;
  for (let waited = false; ; waited = true) {
    const found = await namespaceState(api, name, signal);
    if (found.state !== 'terminating') {
      if (waited) report({ ...step, state: 'done', message: `the namespace ${name} is gone` });
      return found;
    }
    const young = Date.now() - Date.parse(found.since ?? '') < GOING_GRACE;
    // What the namespace says of itself is behind for a while; an object with a finalizer is proof.
    const blocked = found.proven === true;
    if (Date.now() > deadline || (blocked && !young)) throw terminatingError(found);
    report({ ...step, state: 'waiting', message: terminatingWords(found) });
    await sleep(1000, undefined, { signal });
  }
}

function terminatingError(going: NamespaceState): DatamillError {
  return refusedError('NAMESPACE_TERMINATING', terminatingWords(going), {
    hint:
      going.blockedBy.length === 0
        ? 'run the same command again when it is gone; or name another namespace with -n'
        : 'whoever set these finalizers has to finish: start it again, or take them off; or name another namespace with -n',
  });
}

async function lackingRights(
  { api, identity, handle, resolved }: Session,
  changed: readonly Recorded[],
  spaces: readonly NamespaceState[],
  signal?: AbortSignal,
): Promise<DatamillError[]> {
  const kinds = ({ component, chart }: Recorded): PlacedKind[] => [
    ...(chart === undefined ? [] : certainKinds(chart.path)),
    ...(component.objects as unknown as KubeObject[]),
  ];
  const wanted = await rightsFor(
    api,
    undertaking(changed, kinds, {
      home: identity.namespace,
      spaces,
      simulated: handle.simulated,
      dataMount: resolved.dataMount,
    }),
  );
  const { missing } = await reviewRights(api, wanted.needed, signal);
  if (missing.length === 0) return [];
  return [
    refusedError('MISSING_RIGHTS', `this user may not ${rightsWords(missing).join('; ')}`, {
      hint: 'docs/rights.md has the Role to ask for, `datamill doctor` the whole list; --force tries nonetheless',
    }),
  ];
}

async function lackingClasses(
  session: Session,
  changed: readonly Recorded[],
  signal?: AbortSignal,
): Promise<DatamillError[]> {
  const wanted = [...new Set(changed.flatMap(({ component }) => classesOf(component)))];
  if (wanted.length === 0) return [];
  const classes = await listIfAllowed(
    session.api,
    { apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass' },
    { signal },
  );
  if (classes === undefined) return [];
  const missing = await missingClasses(session.api, wanted, classes, signal);
  return missing.map((name) => {
    const of = changed
      .filter(({ component }) => classesOf(component).includes(name))
      .map(({ component }) => component.name);
    return refusedError(
      'STORAGE_CLASS',
      `${of.join(', ')}: storage class "${name}" does not exist; ${classesWords(classes)}`,
      {
        hint: `choose another with \`${of[0]}: { storage_class: … }\`, or leave it out for the default one; --force installs nonetheless`,
      },
    );
  });
}

async function lackingRoom(
  session: Session,
  changed: readonly Recorded[],
  { signal, report, force }: PreflightOptions,
): Promise<DatamillError[]> {
  const { api } = session;
  const nodes = await listIfAllowed(api, { apiVersion: 'v1', kind: 'Node' }, { signal });
  if (nodes === undefined || nodes.length === 0) return [];
  const estimates = changed.map(({ component }) => estimate(component));
  if (isTrifle(estimates, roomOf(nodes, undefined)) && !isTight(estimates, roomOf(nodes, undefined)))
    return [];
  const pods = await runningPods(session, signal);
  const rooms = roomOf(nodes, pods, podsOfComponents(changed));
  if (!isTight(estimates, rooms)) return [];
  const found = misfits(await demands(session, changed, signal), rooms);
  if (found.length === 0) return [];
  const grows = await growsByItself(api, signal);
  const messages = found.map(({ component, message }) =>
    component === undefined ? message : `${component}: ${message}`,
  );
  if (grows && !force) {
    for (const message of messages)
      report({ type: 'warning', message: `${message}; an autoscaler may bring nodes` });
    return [];
  }
  return messages.map((message, index) =>
    refusedError('CAPACITY', message, {
      hint:
        index > 0
          ? undefined
          : 'lower requests or replicas, leave components out, or choose a larger target; --force installs nonetheless',
    }),
  );
}

/** A preflight that cannot look does not stop anybody. */
async function orNothing(looking: Promise<DatamillError[]>): Promise<DatamillError[]> {
  try {
    return await looking;
  } catch (error) {
    if (error instanceof KubeError) return [];
    throw error;
  }
}
