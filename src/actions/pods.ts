import { DatamillError, refusedError } from '../errors.ts';
import { listRevisions, manifestObjects, newest, readRelease } from '../helm/releases.ts';
import { fields } from '../kube/fields.ts';
import { list } from '../kube/objects.ts';
import { refKey } from '../kube/resources.ts';
import type { KubeObject } from '../kube/types.ts';
import { readObjects } from '../plan/live.ts';
import { readRecords } from '../plan/record.ts';
import { driverFor } from '../targets/index.ts';
import { type ActionOptions, openResolved, resolveForTarget, type Session } from './session.ts';

/** A component that is installed, and how its pods are known. */
export interface InstalledComponent {
  name: string;
  release: string;
  namespace: string;
  owns(pod: KubeObject): boolean;
}

const JOB_NAME = 'batch.kubernetes.io/job-name';

/** The components of the flavour that are in the cluster, be it that their installation failed. */
export async function installedComponents(
  session: Session,
  signal?: AbortSignal,
): Promise<InstalledComponent[]> {
  const { api, identity, resolved } = session;
  const { components } = resolved;
  const namespaces = [...new Set(components.map(({ namespace }) => namespace))];
  const [records, ...revisions] = await Promise.all([
    readRecords(api, identity, namespaces, signal),
    ...namespaces.map((namespace) => listRevisions(api, namespace, { signal })),
  ]);
  const releases = new Map(
    revisions.flatMap((found) =>
      [...newest(found).values()].map((revision) => [`${revision.namespace}/${revision.name}`, revision]),
    ),
  );
  const found = await Promise.all(
    components.map(async ({ name, release, namespace }): Promise<InstalledComponent | undefined> => {
      const revision = releases.get(`${namespace}/${release}`);
      const record = records.get(name);
      if (revision === undefined && record === undefined) return undefined;
      const content = revision === undefined ? undefined : await readRelease(api, namespace, revision.secret);
      const refs = record?.own ?? [];
      const { objects: live } = await readObjects(api, refs, signal);
      const own = refs.flatMap((ref) => live.get(refKey(ref)) ?? []);
      const objects = [...(content === undefined ? [] : manifestObjects(content.manifest)), ...own];
      return { name, release, namespace, owns: podsOf(objects, release, namespace) };
    }),
  );
  return found.filter((component) => component !== undefined);
}

/** Whether a pod is selected by one of the workloads, or carries the release's name. */
function podsOf(
  objects: readonly KubeObject[],
  release: string,
  namespace: string,
): (pod: KubeObject) => boolean {
  const selectors = objects.flatMap(({ spec }) => {
    const labels = Object.entries(fields(fields(spec?.selector).matchLabels));
    return labels.length === 0 ? [] : [labels];
  });
  const jobs = new Set(objects.filter(({ kind }) => kind === 'Job').map(({ metadata }) => metadata.name));
  const crons = objects.filter(({ kind }) => kind === 'CronJob').map(({ metadata }) => metadata.name);
  const names = new Set(objects.filter(({ kind }) => kind === 'Pod').map(({ metadata }) => metadata.name));
  return ({ metadata }) => {
    const labels = metadata.labels ?? {};
    if (metadata.namespace !== namespace) return false;
    if (labels['app.kubernetes.io/instance'] === release || names.has(metadata.name)) return true;
    const job = labels[JOB_NAME] ?? labels['job-name'];
    // The Jobs of a CronJob are named after it and the minute.
    if (job !== undefined && (jobs.has(job) || crons.some((cron) => isRunOf(job, cron)))) return true;
    return selectors.some((selector) => selector.every(([key, value]) => labels[key] === value));
  };
}

function isRunOf(job: string, cron: string): boolean {
  return job.startsWith(`${cron}-`) && /^\d+$/.test(job.slice(cron.length + 1));
}

/** A pod of the flavour. */
export interface ComponentPod {
  component: InstalledComponent;
  pod: KubeObject;
}

/** The pods of these components, each with its own. */
export async function podsOfComponents(
  { api }: Session,
  components: readonly InstalledComponent[],
  signal?: AbortSignal,
): Promise<ComponentPod[]> {
  const namespaces = [...new Set(components.map(({ namespace }) => namespace))];
  const lists = await Promise.all(
    namespaces.map((namespace) => list(api, { apiVersion: 'v1', kind: 'Pod', namespace }, { signal })),
  );
  return lists.flat().flatMap((pod) => {
    const component = ownerOf(components, pod);
    return component === undefined ? [] : [{ component, pod }];
  });
}

export function ownerOf(
  components: readonly InstalledComponent[],
  pod: KubeObject,
): InstalledComponent | undefined {
  return components.find((component) => component.owns(pod));
}

/** @throws {DatamillError} NOT_INSTALLED (exit 1) */
export function notInstalled(names: readonly string[], namespace: string): DatamillError {
  const [only] = names;
  return names.length === 1
    ? new DatamillError('NOT_INSTALLED', `${only} is not installed in namespace ${namespace}`, {
        hint: `\`datamill up -c ${only}\` installs it`,
      })
    : new DatamillError('NOT_INSTALLED', `nothing of this flavour is installed in namespace ${namespace}`, {
        hint: '`datamill up` installs it',
      });
}

/** @throws {DatamillError} SIMULATED (exit 3) where nothing runs in the pods. */
export function requireRealPods({ handle }: { handle: { simulated: boolean } }, what: string): void {
  if (!handle.simulated) return;
  throw refusedError('SIMULATED', `${what}: the pods of a rehearsal are simulated, nothing runs in them`, {
    hint: 'run the flavour on a real cluster with `datamill up -t CONTEXT`',
  });
}

/**
 * Opens a session on a target where pods run; a simulated one need not even be started to be refused.
 *
 * @param what what cannot be done without, in words.
 * @throws {DatamillError} SIMULATED (exit 3)
 */
export async function openReal(options: ActionOptions, what: string): Promise<Session> {
  const { resolved, target } = resolveForTarget(options);
  requireRealPods({ handle: driverFor(target.driver) }, what);
  const session = await openResolved(resolved, target, options, 'connect');
  try {
    requireRealPods(session, what);
    return session;
  } catch (error) {
    session.close();
    throw error;
  }
}
