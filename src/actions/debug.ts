import {
  attachRights,
  attachTo,
  type Connect,
  type DebugKind,
  type DebugPod,
  debugPod,
  debugPods,
  deletePod,
  podRights,
  requireNode,
  requireRights,
  runInPod,
  SHELL,
  secretTexts,
  shownPod,
} from '../debug/index.ts';
import { DatamillError } from '../errors.ts';
import { condition } from '../kube/fields.ts';
import { list, listIfAllowed } from '../kube/objects.ts';
import type { KubeObject } from '../kube/types.ts';
import { ownImage } from '../util/image.ts';
import { registerSecrets } from '../util/redact.ts';
import { installedComponents, openReal, podsOfComponents } from './pods.ts';
import { type ActionOptions, openSession, type Session } from './session.ts';

interface DebugOptions extends ActionOptions {
  /** Our own image when left out. */
  image?: string;
  privileged?: boolean;
  /** Seconds after which the cluster ends it by itself. */
  ttl: number;
  /** A shell when left out. */
  command?: readonly string[];
  /** Called when the command can start. */
  connect: Connect;
  /** Told what is done and waited for. */
  tell(message: string): void;
}

/** The shortest values of Secrets that are looked for: others would hide half of the text. */
const SHORTEST_SECRET = 8;

/**
 * Runs a command, or a shell, in a pod that is made for it and deleted afterwards.
 *
 * @returns the exit code of the command.
 * @throws {DatamillError} SIMULATED, POD_SECURITY (exit 3), RIGHTS, POD_FAILED, POD_GONE.
 */
export async function debug(options: DebugOptions & { kind: DebugKind; node?: string }): Promise<number> {
  const { kind, image, node, privileged = false, ttl, signal, tell } = options;
  const session = await openReal(options, 'a debug pod needs a real node');
  const { api, identity, kubernetes } = session;
  try {
    await requireRights(api, identity.namespace, podRights(kubernetes), signal);
    if (node !== undefined) await requireNode(api, node);
    const pod = debugPod({ identity, kind, image, node, privileged, ttl });
    tell(`pod ${pod.metadata.name} in namespace ${identity.namespace}: deleted when you leave`);
    return await runInPod(api, pod, { ...options, command: options.command ?? SHELL });
  } finally {
    session.close();
  }
}

/**
 * Runs a command, or a shell, in a container beside those of a running pod.
 *
 * @param options.pod name of a pod, or of a component.
 * @returns the exit code of the command.
 * @throws {DatamillError} SIMULATED, POD_SECURITY (exit 3), RIGHTS, NO_SUCH_POD, POD_FAILED, POD_GONE.
 */
export async function attach(options: DebugOptions & { pod: string; container?: string }): Promise<number> {
  const { privileged = false, signal, container, image = ownImage('net') } = options;
  const session = await openReal(options, 'there is nothing to stand beside');
  try {
    const pod = await findPod(session, options.pod, signal);
    await requireRights(session.api, pod.metadata.namespace!, attachRights(session.kubernetes), signal);
    const command = options.command ?? SHELL;
    return await attachTo(session.api, pod, { ...options, image, privileged, command, target: container });
  } finally {
    session.close();
  }
}

/**
 * A pod as it is in the cluster, without the values of secrets.
 *
 * @throws {DatamillError} NO_SUCH_POD
 */
export async function show(options: ActionOptions & { pod: string }): Promise<KubeObject> {
  const session = await openSession(options, 'connect');
  try {
    const pod = await findPod(session, options.pod, options.signal);
    const { namespace } = pod.metadata;
    const secrets = await listIfAllowed(session.api, { apiVersion: 'v1', kind: 'Secret', namespace });
    registerSecrets(...secretTexts(secrets ?? []).filter(({ length }) => length >= SHORTEST_SECRET));
    return shownPod(pod);
  } finally {
    session.close();
  }
}

/** Deletes debug pods that nobody misses; with `all` those that are used and those of others, too. */
export async function gc(
  options: ActionOptions & {
    all?: boolean;
    /** Asked before more than garbage is deleted. */
    confirm(pods: readonly DebugPod[]): Promise<boolean>;
  },
): Promise<{ deleted: DebugPod[]; kept: DebugPod[] }> {
  const { signal } = options;
  const session = await openSession(options, 'connect');
  try {
    const pods = await debugPods(session.api, session.identity, signal);
    const more = pods.filter(({ garbage }) => !garbage);
    const all = options.all === true && more.length > 0 && (await options.confirm(more));
    const chosen = pods.filter(({ garbage }) => all || garbage);
    await Promise.all(chosen.map((pod) => deletePod(session.api, pod)));
    return { deleted: chosen, kept: pods.filter((pod) => !chosen.includes(pod)) };
  } finally {
    session.close();
  }
}

/** A pod by its name, or the first one of a component that is ready. */
async function findPod(session: Session, name: string, signal?: AbortSignal): Promise<KubeObject> {
  const { api, identity, resolved } = session;
  const namespaces = new Set([identity.namespace, ...resolved.components.map(({ namespace }) => namespace)]);
  const lists = await Promise.all(
    [...namespaces].map((namespace) => list(api, { apiVersion: 'v1', kind: 'Pod', namespace }, { signal })),
  );
  const pods = lists.flat();
  const found = pods.find(({ metadata }) => metadata.name === name);
  if (found !== undefined) return found;
  const installed = (await installedComponents(session, signal)).filter((one) => one.name === name);
  const own = (await podsOfComponents(session, installed, signal)).map(({ pod }) => pod);
  const ready = own.find((pod) => condition(pod, 'Ready')?.status === 'True') ?? own[0];
  if (ready !== undefined) return ready;
  const names = pods.map(({ metadata }) => metadata.name);
  throw new DatamillError('NO_SUCH_POD', `there is no pod "${name}" in ${[...namespaces].join(', ')}`, {
    hint: names.length === 0 ? 'there are no pods at all' : `there are ${names.join(', ')}`,
  });
}
