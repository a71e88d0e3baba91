import { errorMessage, refusedError } from '../errors.ts';
import { claimsOf } from '../kube/claims.ts';
import { isOurs, ownSelector } from '../kube/labels.ts';
import { isOwnNamespace } from '../kube/namespaces.ts';
import { list, listIfAllowed, remove } from '../kube/objects.ts';
import type { KubeObject } from '../kube/types.ts';
import { type Live, readLive } from '../plan/live.ts';
import { schedule } from '../plan/schedule.ts';
import { dropDataClaims, isDataClaim } from './data-claim.ts';
import type { SummaryEvent } from './events.ts';
import { type Removable, removables, removalGraph, removeComponent } from './removal.ts';
import { abortError, type LockedOptions, locked, summarise } from './run.ts';
import { type ActionOptions, openSession, type Session } from './session.ts';

export interface DownOptions extends ActionOptions, LockedOptions {
  concurrency?: number;
  /** Delete volumes and secrets too, and the namespace if it is ours and nothing foreign is in it. */
  deleteData?: boolean;
}

export interface DownResult {
  summary: SummaryEvent;
  components: Array<{
    name: string;
    release: string;
    namespace: string;
    outcome: 'removed' | 'failed' | 'skipped';
    message: string;
  }>;
  /** What stays (or, with deleteData, what was deleted). */
  volumes: string[];
  secrets: string[];
  /** Why the namespace stays; empty when it was deleted or was not to be. */
  namespaceKept: string;
  namespaceDeleted: boolean;
  namespace: string;
  error?: Error;
}

/** Removes the components of a flavour (or those of -c), dependants first. Data stays unless it is asked for. */
export async function down(options: DownOptions): Promise<DownResult> {
  const started = Date.now();
  if (options.deleteData && options.components?.length) {
    throw refusedError(
      'DELETE_DATA',
      '--delete-data deletes what belongs to the whole flavour, so it cannot be used with -c',
      { hint: 'leave one of the two out' },
    );
  }
  const session = await openSession({ ...options, only: true }, 'connect');
  try {
    if (
      (await session.api.find(`/api/v1/namespaces/${session.identity.namespace}`).catch(() => ({}))) ===
      undefined
    )
      return nothing(session, started);
    let result = await locked(session, options, (signal) => takeDown(session, options, signal, started));
    // The Lease lies in the namespace, so the namespace goes after the lock is given back.
    if (options.deleteData && result.summary.result === 'ok')
      result = { ...result, ...(await deleteNamespace(session)) };
    return result;
  } finally {
    session.close();
  }
}

function nothing(session: Session, started: number): DownResult {
  const summary = summarise([], { simulated: session.handle.simulated, started, interrupted: false });
  return {
    summary,
    components: [],
    volumes: [],
    secrets: [],
    namespaceKept: '',
    namespaceDeleted: false,
    namespace: session.identity.namespace,
  };
}

async function takeDown(
  session: Session,
  options: DownOptions,
  signal: AbortSignal,
  started: number,
): Promise<DownResult> {
  const { api, identity, resolved } = session;
  const live = await readLive(
    api,
    identity,
    resolved.components.map(({ namespace }) => namespace),
    signal,
  );
  const items = chosen(live, session, options.components ?? []);
  const results = new Map<string, DownResult['components'][number]>();
  const byName = new Map(items.map((item) => [item.component, item]));
  const known = new Map(resolved.components.map(({ name, dependsOn }) => [name, dependsOn]));
  const run = async (name: string) => {
    const item = byName.get(name)!;
    const step = { type: 'step', component: name, phase: 'uninstall' } as const;
    const finish = (outcome: 'removed' | 'failed', message: string) => {
      results.set(name, { name, release: item.release, namespace: item.namespace, outcome, message });
      options.report({ ...step, state: outcome === 'removed' ? 'done' : 'failed', message });
      return outcome === 'removed';
    };
    options.report({ ...step, state: 'running', message: item.release });
    try {
      await removeComponent(session, item, signal);
      return finish('removed', 'removed');
    } catch (error) {
      return finish('failed', signal.aborted ? errorMessage(abortError(signal)) : errorMessage(error));
    }
  };
  const onSkip = (name: string, because: string | undefined) => {
    const item = byName.get(name)!;
    const message = because === undefined ? 'not started' : `${because} still needs it`;
    results.set(name, {
      name,
      release: item.release,
      namespace: item.namespace,
      outcome: 'skipped',
      message,
    });
    options.report({ type: 'step', component: name, phase: 'uninstall', state: 'skipped', message });
  };
  await schedule(removalGraph(items, known), run, { concurrency: options.concurrency ?? 4, signal, onSkip });
  const components = [...results.values()];
  const summary = summarise(
    components.map(({ outcome }) => outcome),
    { simulated: session.handle.simulated, started, interrupted: signal.aborted },
  );
  const whole = components.every(({ outcome }) => outcome === 'removed');
  const namespaces = [identity.namespace, ...items.map(({ namespace }) => namespace)];
  if (whole && !options.components?.length && !signal.aborted) await dropDataClaims(session, namespaces);
  const data = options.components?.length
    ? { volumes: [], secrets: [] }
    : await dataOf(session, items, options.deleteData === true && whole && !signal.aborted);
  const error = signal.aborted ? abortError(signal) : undefined;
  return {
    summary,
    components,
    ...data,
    namespaceKept: '',
    namespaceDeleted: false,
    namespace: identity.namespace,
    error,
  };
}

function chosen(live: Live, session: Session, names: readonly string[]): Removable[] {
  const all = removables(live, session);
  if (names.length === 0) return all;
  const wanted = new Set(session.resolved.components.map(({ name }) => name));
  const needed = all.filter(
    ({ component, record }) => !wanted.has(component) && record?.dependsOn.some((other) => wanted.has(other)),
  );
  if (needed.length > 0) {
    const users = needed.map(({ component }) => component).join(', ');
    throw refusedError(
      'STILL_NEEDED',
      `${[...wanted].join(', ')} cannot be removed: ${users} still needs it`,
      { hint: `remove ${users} too: add -c ${needed[0]!.component}` },
    );
  }
  return all.filter(({ component }) => wanted.has(component));
}

/** Volumes and secrets of the components: they stay, or are deleted when that is asked for. */
async function dataOf(
  { api, identity }: Session,
  items: readonly Removable[],
  deleteThem: boolean,
): Promise<{ volumes: string[]; secrets: string[] }> {
  const namespaces = new Set([identity.namespace, ...items.map(({ namespace }) => namespace)]);
  const releases = new Set(items.map(({ release }) => release));
  const volumes: KubeObject[] = [];
  const secrets: KubeObject[] = [];
  for (const namespace of namespaces) {
    const claims = await claimsOf(api, identity, namespace, releases);
    volumes.push(...claims.filter((claim) => !isDataClaim(claim)));
    secrets.push(
      ...(await list(
        api,
        { apiVersion: 'v1', kind: 'Secret', namespace },
        { labels: ownSelector(identity), metadataOnly: true },
      )),
    );
  }
  if (deleteThem)
    for (const { apiVersion, kind, metadata } of [...volumes, ...secrets])
      await remove(api, { apiVersion, kind, name: metadata.name, namespace: metadata.namespace });
  const name = ({ metadata }: KubeObject) => `${metadata.namespace}/${metadata.name}`;
  return { volumes: volumes.map(name), secrets: secrets.map(name) };
}

/** What every namespace has without anybody putting it there. */
const NATURAL = new Set(['ConfigMap/kube-root-ca.crt', 'ServiceAccount/default', 'Lease/datamill']);
const LOOKED_AT = [
  ['v1', 'Pod'],
  ['v1', 'ConfigMap'],
  ['v1', 'Secret'],
  ['v1', 'Service'],
  ['v1', 'PersistentVolumeClaim'],
  ['v1', 'ServiceAccount'],
  ['apps/v1', 'Deployment'],
  ['apps/v1', 'StatefulSet'],
  ['apps/v1', 'DaemonSet'],
  ['batch/v1', 'Job'],
  ['batch/v1', 'CronJob'],
] as const;

async function deleteNamespace({
  api,
  identity,
}: Session): Promise<{ namespaceKept: string; namespaceDeleted: boolean }> {
  const { namespace } = identity;
  const found = await api.find<KubeObject>(`/api/v1/namespaces/${namespace}`).catch(() => undefined);
  const kept = (namespaceKept: string) => ({ namespaceKept, namespaceDeleted: false });
  if (found === undefined) return kept('');
  if (!isOwnNamespace(found, identity)) return kept('it was there before data-mill');
  const there = await Promise.all(
    LOOKED_AT.map(([apiVersion, kind]) =>
      listIfAllowed(api, { apiVersion, kind, namespace }, { metadataOnly: true }),
    ),
  );
  const foreign = there
    .flatMap((objects) => objects ?? [])
    .filter(
      ({ kind, metadata }) =>
        !NATURAL.has(`${kind}/${metadata.name}`) && metadata.deletionTimestamp === undefined,
    )
    .filter(({ metadata }) => !isOurs(metadata.labels, identity) && metadata.ownerReferences === undefined)
    .map(({ kind, metadata }) => `${kind}/${metadata.name}`);
  if (foreign.length > 0)
    return kept(
      `it holds ${foreign.slice(0, 5).join(', ')}${foreign.length > 5 ? ` and ${foreign.length - 5} more` : ''}, not made by this project`,
    );
  await remove(api, { apiVersion: 'v1', kind: 'Namespace', name: namespace });
  return { namespaceKept: '', namespaceDeleted: true };
}
