import type { Api } from '../kube/client.ts';
import { isStatus } from '../kube/errors.ts';
import { list, remove } from '../kube/objects.ts';
import type { KubeObject } from '../kube/types.ts';
import type { NodeConfig } from './config.ts';
import { isDelivered, isKilled, KILL, nodeSelector, RUN, refOfJob, terminalOf } from './job/labels.ts';
import { judgeRun } from './job/status.ts';
import { jobOfPod } from './job/labels.ts';
import type { RunStatus } from './types.ts';

/** A run as the cluster knows it. */
export interface RunEntry {
  run: number;
  task: number;
  status: RunStatus;
  /** Whether the server has the end of it. */
  delivered: boolean;
  killed: boolean;
  image: string;
  created: string;
  message: string;
}

const jobs = (namespace: string) => ({ apiVersion: 'batch/v1', kind: 'Job', namespace });

/** The runs of a node, the newest first. */
export async function listRuns(api: Api, config: NodeConfig, signal?: AbortSignal): Promise<RunEntry[]> {
  const { namespace } = config.jobs;
  const labels = nodeSelector(config.name);
  const [all, pods] = await Promise.all([
    list(api, jobs(namespace), { labels, signal }),
    list(api, { apiVersion: 'v1', kind: 'Pod', namespace }, { labels, signal }),
  ]);
  return all
    .flatMap((job) => entryOf(job, pods, config) ?? [])
    .sort((a, b) => b.created.localeCompare(a.created) || b.run - a.run);
}

function entryOf(job: KubeObject, pods: readonly KubeObject[], config: NodeConfig): RunEntry | undefined {
  const ref = refOfJob(job, config.name);
  if (ref === undefined) return undefined;
  const { name } = job.metadata;
  const own = pods.filter((pod) => jobOfPod(pod) === name);
  const { pull_seconds, start_seconds, retries } = config.jobs;
  const patience = { pull: pull_seconds * 1000, start: start_seconds * 1000, retries };
  const seen = judgeRun(job, own, name, patience, Date.now());
  return {
    run: ref.runId,
    task: ref.taskId,
    status: terminalOf(job)?.status ?? seen.status,
    delivered: isDelivered(job),
    killed: isKilled(job),
    image: imageOf(job),
    created: job.metadata.creationTimestamp ?? '',
    message: seen.message,
  };
}

function imageOf(job: KubeObject): string {
  const template = job.spec?.template as { spec?: { containers?: Array<{ image?: string }> } } | undefined;
  return template?.spec?.containers?.[0]?.image ?? '';
}

/**
 * Asks for runs to be ended; the node does it, now or when it is back.
 *
 * @param runIds undefined: all that have not ended.
 * @returns those that were asked to end, and those that are not known.
 */
export async function killRuns(
  api: Api,
  config: NodeConfig,
  runIds: readonly number[] | undefined,
  signal?: AbortSignal,
): Promise<{ killed: number[]; unknown: number[] }> {
  const all = await list(api, jobs(config.jobs.namespace), { labels: nodeSelector(config.name), signal });
  const going = all.filter((job) => terminalOf(job) === undefined && !isDelivered(job));
  const byId = new Map(going.map((job) => [refOfJob(job, config.name)?.runId, job]));
  const wanted = runIds ?? [...byId.keys()].filter((id) => id !== undefined);
  const killed: number[] = [];
  for (const id of wanted) {
    const job = byId.get(id);
    if (job === undefined) continue;
    const path = `/apis/batch/v1/namespaces/${job.metadata.namespace}/jobs/${job.metadata.name}`;
    const body = { metadata: { annotations: { [KILL]: new Date().toISOString() } } };
    await api.request('PATCH', path, { body, contentType: 'application/merge-patch+json', signal });
    killed.push(id);
  }
  return { killed, unknown: wanted.filter((id) => !killed.includes(id)) };
}

/** Kinds that stand beside a Job and go with it. */
const BESIDE: ReadonlyArray<[string, string]> = [
  ['v1', 'Secret'],
  ['v1', 'Pod'],
  ['networking.k8s.io/v1', 'NetworkPolicy'],
];

/**
 * Removes what belongs to no run any more: Secrets, pods and policies whose Job is gone, and with
 * `ended` the Jobs whose end the server has.
 *
 * @returns what was removed, as `Kind/name`.
 */
export async function collectRuns(
  api: Api,
  config: NodeConfig,
  { ended, signal }: { ended: boolean; signal?: AbortSignal },
): Promise<string[]> {
  const { namespace } = config.jobs;
  const labels = nodeSelector(config.name);
  const removed: string[] = [];
  const all = await list(api, jobs(namespace), { labels, signal });
  const stay = new Set<string>();
  for (const job of all) {
    const { name } = job.metadata;
    if (!(ended && isDelivered(job))) stay.add(name);
    else if (await remove(api, { ...jobs(namespace), name })) removed.push(`Job/${name}`);
  }
  for (const [apiVersion, kind] of BESIDE) {
    for (const object of await listOwn(api, { apiVersion, kind, namespace }, labels, signal)) {
      const { name } = object.metadata;
      const owner = object.metadata.ownerReferences?.[0]?.name;
      if (object.metadata.labels?.[RUN] === undefined || (owner !== undefined && stay.has(owner))) continue;
      // Its Job may have been made after our list: then it is younger than the list.
      if (
        owner !== undefined &&
        !all.some((job) => job.metadata.name === owner) &&
        (await isThere(api, namespace, owner))
      )
        continue;
      if (await remove(api, { apiVersion, kind, namespace, name })) removed.push(`${kind}/${name}`);
    }
  }
  return removed;
}

async function listOwn(
  api: Api,
  ref: { apiVersion: string; kind: string; namespace: string },
  labels: string,
  signal: AbortSignal | undefined,
): Promise<KubeObject[]> {
  try {
    return await list(api, ref, { labels, metadataOnly: true, signal });
  } catch (error) {
    if (isStatus(error, 403)) return [];
    throw error;
  }
}

async function isThere(api: Api, namespace: string, job: string): Promise<boolean> {
  return (await api.find(`/apis/batch/v1/namespaces/${namespace}/jobs/${job}`)) !== undefined;
}
