import { condition, type Fields, fields, items, millis, text } from '../../kube/fields.ts';
import type { KubeObject } from '../../kube/types.ts';
import type { RunStatus } from '../types.ts';
import { NOT_ISOLATED } from './scripts.ts';
import { GATE_CONTAINER } from './spec.ts';

/** What pod and Job of a run say. */
export interface Seen {
  status: RunStatus;
  /** In the words of the cluster. */
  message: string;
  /** The pod whose logs count. */
  pod?: string;
  /** The algorithm has begun. */
  began: boolean;
  /** No kubelet stands behind it: there is neither a log nor an output. */
  simulated: boolean;
  /** Whether somebody has to end the Job, as it does not end by itself. */
  lingers: boolean;
}

export interface Patience {
  /** Milliseconds that an image may fail to be pulled, and that a pod may take to begin. */
  pull: number;
  start: number;
  /** Failures that Kubernetes makes up for with another pod. */
  retries: number;
}

/** Reasons that no waiting heals. */
const NO_IMAGE = ['InvalidImageName', 'ErrImageNeverPull'];
const PULLING = ['ErrImagePull', 'ImagePullBackOff', 'RegistryUnavailable'];
const BROKEN = [
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
  'ContainerCannotRun',
];

/**
 * What a run is, judged from its Job and the pods of it.
 *
 * A pod that failed is not yet the end: Kubernetes may try again, so its Job decides where retries
 * are allowed; where none are, the pod does, which is known a second earlier.
 */
export function judgeRun(
  job: KubeObject,
  pods: readonly KubeObject[],
  container: string,
  patience: Patience,
  now: number,
): Seen {
  const pod = newest(pods);
  const state = pod === undefined ? undefined : containerOf(pod, container);
  const seen: Omit<Seen, 'status' | 'message'> = {
    pod: pod?.metadata.name,
    began: state !== undefined && (state.running || state.terminated !== undefined),
    simulated: state !== undefined && state.id === '',
    lingers: false,
  };
  const is = (status: RunStatus, message: string, more: Partial<Seen> = {}): Seen => ({
    ...seen,
    ...more,
    status,
    message,
  });
  const phase = text(pod?.status?.phase);
  if (pod !== undefined && phase === 'Succeeded') return is('completed', '');
  const failed = condition(job, 'Failed') ?? condition(job, 'FailureTarget');
  const isOver = failed?.status === 'True';
  const isLast = patience.retries === 0 && phase === 'Failed' && !isDisrupted(pod!);
  if (isOver || isLast) return is(...endOf(pod, state, failed?.reason ?? '', failed?.message ?? ''));
  if (condition(job, 'Complete')?.status === 'True') return is('completed', '');
  if (state?.running) return is('active', '');
  return waiting(job, pod, state, patience, now, is);
}

type Is = (status: RunStatus, message: string, more?: Partial<Seen>) => Seen;

function waiting(
  job: KubeObject,
  pod: KubeObject | undefined,
  state: ContainerSeen | undefined,
  patience: Patience,
  now: number,
  is: Is,
): Seen {
  const age = now - (millis(pod?.metadata.creationTimestamp ?? job.metadata.creationTimestamp) ?? now);
  const stuck = pod === undefined ? undefined : stuckContainer(pod);
  const reason = stuck?.reason ?? '';
  const message = stuck?.message ?? '';
  const ends = { lingers: true };
  if (NO_IMAGE.includes(reason)) return is('non-existing Docker image', message, ends);
  if (PULLING.includes(reason) && (isHopeless(message) || age > patience.pull))
    return is('non-existing Docker image', message, ends);
  if (BROKEN.includes(reason) && age > patience.pull) return is('start failed', message, ends);
  // The algorithm ended and its output is being read.
  if (state?.terminated !== undefined) return is('active', '');
  const unscheduled = pod === undefined ? undefined : condition(pod, 'PodScheduled');
  const why = unscheduled?.status === 'False' ? unscheduled.message : message;
  if (age > patience.start) return is('start failed', why || 'its pod did not start', ends);
  return is('initializing', why);
}

/** Of an image that is not there: a registry that cannot be reached may come back. */
function isHopeless(message: string): boolean {
  return /not found|manifest unknown|denied|unauthorized|does not exist/i.test(message);
}

interface ContainerSeen {
  running: boolean;
  terminated?: Fields;
  id: string;
}

function containerOf(pod: KubeObject, name: string): ContainerSeen | undefined {
  const status = items(pod.status?.containerStatuses).find((one) => one.name === name);
  if (status === undefined) return undefined;
  const { running, terminated } = fields(status.state);
  return {
    running: running !== undefined,
    terminated: terminated === undefined ? undefined : fields(terminated),
    id: text(status.containerID) || text(fields(terminated).containerID),
  };
}

/** The first container that cannot begin, the algorithm's or one beside it. */
function stuckContainer(pod: KubeObject): { reason: string; message: string } | undefined {
  const all = [...items(pod.status?.initContainerStatuses), ...items(pod.status?.containerStatuses)];
  const states = all.map(({ state }) => fields(fields(state).waiting));
  const stuck = states.find(
    ({ reason }) => !['', 'PodInitializing', 'ContainerCreating'].includes(text(reason)),
  );
  return stuck === undefined ? undefined : { reason: text(stuck.reason), message: text(stuck.message) };
}

function endOf(
  pod: KubeObject | undefined,
  state: ContainerSeen | undefined,
  reason: string,
  message: string,
): [RunStatus, string] {
  if (reason === 'DeadlineExceeded') return ['failed', message || 'it took longer than it may'];
  const gate = items(pod?.status?.initContainerStatuses).find(({ name }) => name === GATE_CONTAINER);
  const shut = fields(fields(gate?.state).terminated);
  if (shut.exitCode === NOT_ISOLATED)
    return ['start failed', text(shut.message).trim() || 'the pod is not isolated'];
  const end = state?.terminated;
  if (end !== undefined && end.exitCode !== 0) {
    const why = text(end.reason);
    const code = `it exited with code ${String(end.exitCode)}`;
    return ['crashed', why === 'OOMKilled' ? `${code} (OOMKilled: it used more memory than it may)` : code];
  }
  const why = text(pod?.status?.reason) || reason;
  const words = text(pod?.status?.message) || message || 'its pod failed';
  if (shut.exitCode !== undefined && shut.exitCode !== 0)
    return ['start failed', `its gate failed: ${words}`];
  // Ended well, as far as anybody knows, but its pod did not.
  return [state === undefined ? 'start failed' : 'unknown error', why === '' ? words : `${why}: ${words}`];
}

function isDisrupted(pod: KubeObject): boolean {
  return condition(pod, 'DisruptionTarget')?.status === 'True';
}

/** A retry is younger than what it makes up for. */
function newest(pods: readonly KubeObject[]): KubeObject | undefined {
  const born = (pod: KubeObject) => millis(pod.metadata.creationTimestamp) ?? 0;
  return [...pods].sort((a, b) => born(b) - born(a))[0];
}
