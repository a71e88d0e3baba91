import { setTimeout as sleep } from 'node:timers/promises';
import { refusedError } from '../errors.ts';
import { uninstallArgs } from '../helm/args.ts';
import { listRevisions } from '../helm/releases.ts';
import { helmError, isTransient } from '../helm/run.ts';
import { claimsOf, signClaims } from '../kube/claims.ts';
import { COMPONENT, isOurs } from '../kube/labels.ts';
import { remove } from '../kube/objects.ts';
import { type ObjectRef, pathOf } from '../kube/resources.ts';
import type { KubeObject } from '../kube/types.ts';
import { type Live, releaseKey } from '../plan/live.ts';
import { deleteRecord, type InstallRecord } from '../plan/record.ts';
import type { Session } from './session.ts';

/** Something of ours in the cluster: a release, a record, or both. */
export interface Removable {
  component: string;
  release: string;
  namespace: string;
  /** True when there is a Helm release. */
  hasRelease: boolean;
  record?: InstallRecord;
  /** The record describes the component where it is now, so it stays. */
  keepRecord?: boolean;
}

const UNINSTALL_TIMEOUT = 300;
const ATTEMPTS = 8;

/** Everything of the project, dependants before what they depend on. */
export function removables(live: Live, session: Session): Removable[] {
  const found = new Map<string, Removable>();
  for (const record of live.records.values()) {
    const key = releaseKey(record.namespace, record.release);
    const revision = live.releases.get(key);
    found.set(key, {
      component: record.component,
      release: record.release,
      namespace: record.namespace,
      hasRelease: revision !== undefined && revision.status !== 'uninstalled',
      record,
    });
  }
  for (const [key, revision] of live.releases) {
    const component = revision.labels[COMPONENT];
    if (
      found.has(key) ||
      component === undefined ||
      revision.status === 'uninstalled' ||
      !isOurs(revision.labels, session.identity)
    )
      continue;
    found.set(key, { component, release: revision.name, namespace: revision.namespace, hasRelease: true });
  }
  return [...found.values()];
}

/** What the flavour no longer names; only meaningful when it was resolved as a whole. */
export function unwanted(live: Live, session: Session): Removable[] {
  const { components } = session.resolved;
  const wanted = new Set(components.map(({ namespace, release }) => releaseKey(namespace, release)));
  const records = new Set(components.map(({ namespace, name }) => `${namespace}/${name}`));
  return removables(live, session)
    .filter(({ namespace, release }) => !wanted.has(releaseKey(namespace, release)))
    .map((item) => ({ ...item, keepRecord: records.has(`${item.namespace}/${item.component}`) }));
}

/** Names in the order in which they can be removed: nothing goes before what depends on it. */
export function removalGraph(
  items: readonly Removable[],
  known: ReadonlyMap<string, readonly string[]>,
): Map<string, Set<string>> {
  const graph = new Map<string, Set<string>>(items.map(({ component }) => [component, new Set()]));
  for (const { component, record } of items) {
    for (const dependency of known.get(component) ?? record?.dependsOn ?? [])
      graph.get(dependency)?.add(component);
  }
  return graph;
}

/** Takes a component out of the cluster: its own objects, its release, its record. Data and secrets stay. */
export async function removeComponent(
  session: Session,
  item: Removable,
  signal?: AbortSignal,
): Promise<void> {
  const { api, helmTarget, identity } = session;
  const claims = await claimsOf(api, identity, item.namespace, new Set([item.release]));
  await signClaims(api, identity, item.component, claims);
  await removeOwn(session, item, signal);
  if (item.hasRelease) {
    const helm = await session.helm();
    for (let attempt = 1; ; attempt++) {
      const result = await helm.run(
        uninstallArgs(helmTarget, {
          release: item.release,
          namespace: item.namespace,
          timeout: UNINSTALL_TIMEOUT,
        }),
        { signal },
      );
      // helm may end well and leave a revision whose Secret could not be deleted.
      const left = await listRevisions(api, item.namespace, { release: item.release, superseded: true });
      if (result.exitCode === 0 && left.length === 0) break;
      signal?.throwIfAborted();
      if (attempt >= ATTEMPTS || (result.exitCode !== 0 && !isTransient(result)))
        throw helmError(`cannot uninstall ${item.release}`, result);
      await new Promise((resolve) => setTimeout(resolve, Math.min(500 * 2 ** attempt, 5000)));
    }
  }
  if (item.record !== undefined && !item.keepRecord)
    await deleteRecord(api, item.component, item.record.namespace);
}

/** How long an operator may take to clean up after its custom resources, in milliseconds. */
const CLEAN_UP = 120_000;

/** The component's own objects go first and are waited for, while their operator still runs. */
async function removeOwn({ api }: Session, item: Removable, signal?: AbortSignal): Promise<void> {
  const gone: ObjectRef[] = [];
  for (const ref of [...(item.record?.own ?? [])].reverse()) {
    // Whether what is in them goes is another question.
    if (ref.kind === 'PersistentVolumeClaim') continue;
    try {
      if (await remove(api, ref)) gone.push(ref);
    } catch (error) {
      if ((error as { code?: string }).code !== 'UNKNOWN_KIND') throw error;
    }
  }
  const deadline = Date.now() + CLEAN_UP;
  for (const ref of gone.filter(({ apiVersion }) => apiVersion.split('/')[0]!.includes('.'))) {
    const path = await pathOf(api, ref);
    while ((await api.find<KubeObject>(path, { signal })) !== undefined) {
      if (Date.now() > deadline)
        throw refusedError(
          'STILL_THERE',
          `${ref.kind}/${ref.name} is still being cleaned up by its operator`,
          {
            hint: `look at it with \`kubectl get ${ref.kind.toLowerCase()} ${ref.name} -n ${ref.namespace} -o yaml\`: its finalizers say what it waits for; then run this again`,
          },
        );
      await sleep(300, undefined, { signal });
    }
  }
}
