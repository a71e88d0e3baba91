import { DatamillError, errorMessage, refusedError } from '../errors.ts';
import type { Api } from '../kube/client.ts';
import { isStatus, KubeError } from '../kube/errors.ts';
import { text } from '../kube/fields.ts';
import { create, list } from '../kube/objects.ts';
import type { ExecStreams } from '../kube/stream/exec.ts';
import type { KubeObject } from '../kube/types.ts';
import { throwIfAborted } from '../util/abort.ts';
import { CONTAINER } from './pod.ts';
import { type PodName, readPod, waitForContainer } from './wait.ts';

/** What the program in a pod is connected to, once it can be started. */
export type Connect = () => Omit<ExecStreams, 'signal'>;

export interface SessionOptions {
  command: readonly string[];
  connect: Connect;
  signal?: AbortSignal;
  /** Told what is done and waited for. */
  tell(message: string): void;
}

/** Whoever interrupts does not want to wait long for a cluster that does not answer. */
const DELETE_FOR = 10_000;
/** Exit codes above stand for the signal that ended the command. */
const KILLED = 128;

/**
 * Makes a debug pod, runs a command in it and deletes it again, whatever happens.
 *
 * @returns the exit code of the command.
 * @throws {DatamillError} what keeps the pod from running; POD_GONE; the reason of the signal.
 */
export async function runInPod(api: Api, pod: KubeObject, options: SessionOptions): Promise<number> {
  const { connect, command } = options;
  return await withPod(api, pod, { ...options, container: CONTAINER }, (run) => run(command, connect()));
}

/** Runs a command in the pod; ends with the signal of the whole. */
export type RunCommand = (
  command: readonly string[],
  streams: Omit<ExecStreams, 'signal'>,
) => Promise<number>;

/**
 * Makes a pod, works in it when its container runs, and deletes it again, whatever happens.
 *
 * @throws {DatamillError} what keeps the pod from running; POD_GONE; the reason of the signal.
 */
export async function withPod<T>(
  api: Api,
  pod: KubeObject,
  { signal, tell, container }: Pick<SessionOptions, 'signal' | 'tell'> & { container: string },
  work: (run: RunCommand) => Promise<T>,
): Promise<T> {
  const { name, namespace } = pod.metadata;
  const at = { name, namespace: namespace! };
  throwIfAborted(signal);
  try {
    // Not given up half-way: whether there is a pod to delete must be known.
    await create(api, pod).catch((error) => {
      throw creationError(error, at.namespace);
    });
    throwIfAborted(signal);
    await waitForContainer(api, at, container, { signal, tell });
    return await work(async (command, streams) => {
      const code = await api.exec(at.namespace, name, container, command, { ...streams, signal });
      // It may have been killed together with the pod.
      const gone = code > KILLED ? await whyGone(api, at) : undefined;
      if (gone !== undefined) throw gone;
      return code;
    });
  } catch (error) {
    throwIfAborted(signal);
    throw await explained(api, at, error);
  } finally {
    await deletePod(api, at, DELETE_FOR).catch((error) =>
      tell(`pod ${name} may be left: ${errorMessage(error)}; \`datamill debug gc\` deletes it`),
    );
  }
}

/** Deletes a pod; that it is not there is fine. */
export async function deletePod(api: Api, { namespace, name }: PodName, retryFor?: number): Promise<boolean> {
  try {
    await api.request('DELETE', `/api/v1/namespaces/${namespace}/pods/${name}`, { retryFor });
    return true;
  } catch (error) {
    if (isStatus(error, 404)) return false;
    throw error;
  }
}

/** The API server's refusals, in words that say what to do. */
export function creationError(error: unknown, namespace: string): unknown {
  if (!(error instanceof KubeError)) return error;
  const { message } = error;
  if (/violates PodSecurity/i.test(message)) {
    return refusedError('POD_SECURITY', `namespace ${namespace} does not take this pod: ${message}`, {
      cause: error,
      hint: 'leave out --privileged, or have somebody label the namespace pod-security.kubernetes.io/enforce=privileged',
    });
  }
  if (error.status === 404 && /namespaces? /.test(message)) {
    return new DatamillError('NO_NAMESPACE', `there is no namespace ${namespace}`, {
      cause: error,
      hint: '`datamill up` makes it when it installs the flavour',
    });
  }
  return error;
}

/** A connection that was cut, in words about the pod. */
async function explained(api: Api, at: PodName, error: unknown): Promise<unknown> {
  const { code } = error as DatamillError;
  return code === 'STREAM_LOST' || code === 'EXEC' ? ((await whyGone(api, at)) ?? error) : error;
}

/** Why a pod has ended, or is about to; undefined when it has not. */
async function whyGone(api: Api, at: PodName): Promise<DatamillError | undefined> {
  const pod = await readPod(api, at).catch(() => undefined);
  const reason = text(pod?.status?.reason);
  if (reason === 'DeadlineExceeded') {
    return new DatamillError('POD_GONE', `the time of pod ${at.name} is over`, {
      hint: 'give the next one more with --ttl, such as --ttl 4h',
    });
  }
  if (pod === undefined || pod.metadata.deletionTimestamp !== undefined)
    return new DatamillError('POD_GONE', `pod ${at.name} was deleted while it was used`);
  if (reason === '') return undefined;
  const said = text(pod.status?.message);
  return new DatamillError('POD_GONE', `pod ${at.name} has ended: ${reason} ${said}`.trim());
}

/**
 * Says at once that there is no such node: a pod for it would wait for ever.
 *
 * @throws {DatamillError} NO_NODE (exit 2)
 */
export async function requireNode(api: Api, name: string): Promise<void> {
  try {
    const nodes = (await list(api, { apiVersion: 'v1', kind: 'Node' }, { metadataOnly: true })).map(
      ({ metadata }) => metadata.name,
    );
    if (nodes.includes(name)) return;
    throw new DatamillError('NO_NODE', `there is no node "${name}"`, {
      exitCode: 2,
      hint: `there ${nodes.length === 1 ? 'is' : 'are'} ${nodes.join(', ')}`,
    });
  } catch (error) {
    // Who may not look at nodes may still know the name of one.
    if (!isStatus(error, 403)) throw error;
  }
}
