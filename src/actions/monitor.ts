import { setTimeout as sleep } from 'node:timers/promises';
import { isPending, listRevisions, manifestObjects, newest, readRelease } from '../helm/releases.ts';
import type { Api } from '../kube/client.ts';
import { diagnose, type Finding, type Snapshot, summaryLine } from '../kube/diagnose.ts';
import { listIfAllowed } from '../kube/objects.ts';
import { refKey, refOf } from '../kube/resources.ts';
import type { KubeObject } from '../kube/types.ts';
import { readObjects } from '../plan/live.ts';
import { currentOnly } from './current.ts';
import { tryAgain } from './nudge.ts';

/** A quick release is not looked at: most are ready before the first look. */
const FIRST_LOOK = 2500;
const LOOK_EVERY = 1000;
const SHARED_FOR = 900;
/** By then helm has applied what it was given, and the controllers have seen it. */
const SETTLED_AFTER = 6000;

/** Lists that all releases of a run share, so that twenty waiting releases cost as much as one. */
export class ClusterView {
  readonly #api: Api;
  readonly #lists = new Map<string, { at: number; items: Promise<KubeObject[] | undefined> }>();

  constructor(api: Api) {
    this.#api = api;
  }

  list(apiVersion: string, kind: string, namespace?: string): Promise<KubeObject[] | undefined> {
    const key = `${apiVersion}/${kind}/${namespace ?? ''}`;
    const known = this.#lists.get(key);
    if (known !== undefined && Date.now() - known.at < SHARED_FOR) return known.items;
    const items = listIfAllowed(this.#api, { apiVersion, kind, namespace });
    this.#lists.set(key, { at: Date.now(), items });
    return items;
  }
}

/** A release that is being installed. */
export interface Watched {
  api: Api;
  view: ClusterView;
  namespace: string;
  release: string;
  since: Date;
  /** What was applied without a release; undefined: the newest revision says what there is. */
  own?: readonly KubeObject[];
  /** When helm was first seen at work, in milliseconds; kept by the monitor. */
  underwaySince?: number;
}

/** What the cluster says of a release now: nothing when there is nothing to say. */
export async function findings(watched: Watched): Promise<Finding[]> {
  const { objects } = await declared(watched);
  return diagnose((await look(watched, objects, true)).snapshot);
}

/** Like `findings`; nothing as long as helm has not begun, for what is there is then of an earlier run. */
async function findingsNow(watched: Watched): Promise<Finding[]> {
  const { objects, underway } = await declared(watched);
  if (!underway) return [];
  watched.underwaySince ??= Date.now();
  const settled = Date.now() - watched.underwaySince > SETTLED_AFTER;
  const { snapshot, failedBefore } = await look(watched, objects, settled);
  void tryAgain(watched.api, failedBefore, watched.since);
  return diagnose(snapshot);
}

async function look(
  { api, view, namespace, release, since }: Watched,
  own: readonly KubeObject[],
  settled: boolean,
): Promise<{ snapshot: Snapshot; failedBefore: KubeObject[] }> {
  const [live, pods, sets, jobs, claims, events, nodes, storageClasses] = await Promise.all([
    readObjects(
      api,
      own.map((object) => refOf(object, namespace)),
    ),
    view.list('v1', 'Pod', namespace),
    view.list('apps/v1', 'ReplicaSet', namespace),
    view.list('batch/v1', 'Job', namespace),
    view.list('v1', 'PersistentVolumeClaim', namespace),
    view.list('v1', 'Event', namespace),
    view.list('v1', 'Node'),
    view.list('storage.k8s.io/v1', 'StorageClass'),
  ]);
  const objects = own
    .map((object) => live.objects.get(refKey(refOf(object, namespace))))
    .filter((object) => object !== undefined);
  const mine = belongsTo(objects, release);
  const current = currentOnly(
    {
      objects,
      pods: (pods ?? []).filter(mine),
      sets: sets?.filter(mine),
      jobs: (jobs ?? []).filter(mine),
      claims: (claims ?? []).filter(mine),
      events: events ?? [],
    },
    since,
    settled,
  );
  const jobsAndSets = [...current.jobs, ...(current.sets ?? [])];
  return {
    snapshot: { ...current, jobs: jobsAndSets, nodes, storageClasses, since },
    failedBefore: current.failedBefore,
  };
}

/** The objects of the newest revision; helm writes it, as pending, before it creates anything. */
async function declared({
  api,
  namespace,
  release,
  own,
}: Watched): Promise<{ objects: readonly KubeObject[]; underway: boolean }> {
  if (own !== undefined) return { objects: own, underway: true };
  const revision = newest(await listRevisions(api, namespace, { release })).get(release);
  if (revision === undefined) return { objects: [], underway: false };
  const content = await readRelease(api, namespace, revision.secret);
  return {
    objects: content === undefined ? [] : manifestObjects(content.manifest),
    underway: isPending(revision.status),
  };
}

/** Whether an object is the release's own, is selected by one of its workloads, or carries its name. */
function belongsTo(objects: readonly KubeObject[], release: string): (object: KubeObject) => boolean {
  const names = new Set(objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`));
  const selectors = objects
    .map(({ spec }) => (spec?.selector as { matchLabels?: Record<string, string> } | undefined)?.matchLabels)
    .filter((labels) => labels !== undefined);
  return ({ kind, metadata }) => {
    const labels = metadata.labels ?? {};
    if (names.has(`${kind}/${metadata.name}`) || labels['app.kubernetes.io/instance'] === release)
      return true;
    if (metadata.ownerReferences?.some((owner) => names.has(`${owner.kind}/${owner.name}`))) return true;
    return selectors.some((selector) =>
      Object.entries(selector).every(([key, value]) => labels[key] === value),
    );
  };
}

/**
 * Watches a release until `signal` fires: tells what is pending, and calls `onFatal` once with
 * what will not heal.
 */
export async function monitor(
  watched: Watched,
  signal: AbortSignal,
  tell: (line: string) => void,
  onFatal: (findings: Finding[]) => void,
): Promise<void> {
  const over = new Promise<undefined>((resolve) => {
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  try {
    await sleep(FIRST_LOOK, undefined, { signal });
    while (!signal.aborted) {
      // A look that fails sees nothing; one that takes long, as the API server may be away, is not waited for.
      const found = await Promise.race([findingsNow(watched).catch(() => undefined), over]);
      if (signal.aborted) return;
      const line = summaryLine(found ?? []);
      if (line !== '') tell(line);
      const fatal = (found ?? []).filter(({ healing }) => !healing);
      if (fatal.length > 0) return onFatal(fatal);
      await sleep(LOOK_EVERY, undefined, { signal });
    }
  } catch {
    // The signal ended the sleep.
  }
}

/** Last log lines of the containers that a finding wants to be heard. */
export async function logTails(
  api: Api,
  namespace: string,
  found: readonly Finding[],
  lines = 15,
): Promise<Array<{ container: string; lines: string[] }>> {
  const wanted = new Map(
    found
      .filter(({ wantLogs, container }) => wantLogs && container !== undefined)
      .map((finding) => [`${finding.object}/${finding.container}`, finding]),
  );
  const tails = await Promise.all(
    [...wanted].slice(0, 5).map(async ([name, finding]) => {
      const pod = finding.object.replace(/^Pod\//, '');
      const read = (previous: boolean) => readLog(api, namespace, pod, finding.container!, lines, previous);
      const text = (await read(false)) || (await read(true));
      return { container: name, lines: text.split('\n').filter((line) => line !== '') };
    }),
  );
  return tails.filter((tail) => tail.lines.length > 0);
}

async function readLog(
  api: Api,
  namespace: string,
  pod: string,
  container: string,
  lines: number,
  previous: boolean,
): Promise<string> {
  try {
    return await api.text(`/api/v1/namespaces/${namespace}/pods/${pod}/log`, {
      query: { container, tailLines: String(lines), previous: previous ? 'true' : undefined },
      retryFor: 0,
    });
  } catch {
    return '';
  }
}
