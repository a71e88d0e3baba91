import { DatamillError } from '../errors.ts';
import type { Api } from '../kube/client.ts';
import { diagnose, summaryLine } from '../kube/diagnose.ts';
import { condition, fields, items, text } from '../kube/fields.ts';
import { listIfAllowed } from '../kube/objects.ts';
import type { KubeObject } from '../kube/types.ts';
import { pause } from '../util/abort.ts';

const LOOK_EVERY = 300;
/** What is wrong for so long is not going to heal while somebody waits at a terminal. */
const PATIENCE = { pull: 20_000, schedule: 30_000, all: 600_000 };
const HOPELESS = /not found|denied|unauthorized|forbidden|no such host|manifest unknown|does not exist/i;
const BROKEN = [
  'InvalidImageName',
  'ErrImageNeverPull',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
];

export interface WaitOptions {
  signal?: AbortSignal;
  /** Told what is being waited for, when that changes. */
  tell(message: string): void;
}

export interface PodName {
  namespace: string;
  name: string;
}

export async function readPod(api: Api, { namespace, name }: PodName): Promise<KubeObject | undefined> {
  const path = `/api/v1/namespaces/${namespace}/pods/${encodeURIComponent(name)}`;
  const pod = await api.find<KubeObject>(path);
  return pod === undefined ? undefined : { ...pod, apiVersion: 'v1', kind: 'Pod' };
}

/** The status of a container of any sort. */
export function statusOf({ status }: KubeObject, container: string): Record<string, unknown> {
  const all = [status?.containerStatuses, status?.initContainerStatuses, status?.ephemeralContainerStatuses];
  return all.flatMap(items).find(({ name }) => name === container) ?? {};
}

/**
 * Waits until a container runs.
 *
 * @throws {DatamillError} POD_GONE; POD_FAILED, with the reason, as soon as it will not run.
 */
export async function waitForContainer(
  api: Api,
  at: PodName,
  container: string,
  { signal, tell }: WaitOptions,
): Promise<void> {
  const started = Date.now();
  let told = '';
  for (;;) {
    const pod = await readPod(api, at);
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined)
      throw new DatamillError('POD_GONE', `pod ${at.name} was deleted before it ran`);
    const state = fields(statusOf(pod, container).state);
    if (state.running !== undefined) return;
    const line = await whyNot(api, pod, container);
    const failure = failed(pod, state, Date.now() - started, line);
    if (failure !== undefined) throw podFailed(at, failure);
    if (line !== told && line !== '') tell(line);
    told = line;
    await pause(LOOK_EVERY, signal);
  }
}

function podFailed({ name }: PodName, reason: string): DatamillError {
  const image = /image|pull/i.test(reason);
  return new DatamillError('POD_FAILED', `pod ${name} does not run: ${reason}`, {
    hint: image ? 'name an image that the cluster can pull with --image' : undefined,
  });
}

/** What will not heal, in words; undefined while there is hope. */
function failed(
  pod: KubeObject,
  state: Record<string, unknown>,
  waited: number,
  line: string,
): string | undefined {
  if (state.terminated !== undefined) return endOf(fields(state.terminated));
  const { reason, message } = fields(state.waiting);
  const why = [text(reason), text(message)].filter(Boolean).join(': ');
  if (BROKEN.includes(text(reason))) return why;
  const pulls = /^(ErrImagePull|ImagePullBackOff)$/.test(text(reason));
  if (pulls && (HOPELESS.test(`${text(message)} ${line}`) || waited > PATIENCE.pull)) return line || why;
  if (['Failed', 'Succeeded'].includes(text(pod.status?.phase)))
    return text(pod.status?.message) || text(pod.status?.reason) || 'it has ended';
  const unscheduled = condition(pod, 'PodScheduled')?.status === 'False';
  if (unscheduled && waited > PATIENCE.schedule) return line;
  return waited > PATIENCE.all ? line || 'it does not start' : undefined;
}

function endOf(terminated: Record<string, unknown>): string {
  const said = text(terminated.message).trim();
  if (/executable file not found|no such file/i.test(said)) return `the image holds no shell: ${said}`;
  return said || `its container ended with exit code ${String(terminated.exitCode)}`;
}

async function whyNot(api: Api, pod: KubeObject, container: string): Promise<string> {
  const { namespace, name } = pod.metadata;
  const events =
    (await listIfAllowed(
      api,
      { apiVersion: 'v1', kind: 'Event', namespace },
      { fields: `involvedObject.name=${name}` },
    )) ?? [];
  const nothing = { objects: [], claims: [], jobs: [] };
  const line = summaryLine(diagnose({ ...nothing, pods: [pod], events }));
  // What is said of other containers of a running pod is not what is waited for.
  if (line !== '' && text(pod.status?.phase) === 'Pending') return line;
  const { reason, message } = fields(fields(statusOf(pod, container).state).waiting);
  return [text(reason), text(message)].filter((word) => word !== '').join(': ');
}
