import type { Api } from '../kube/client.ts';
import { isStatus } from '../kube/errors.ts';
import { create } from '../kube/objects.ts';
import { pathOf, refOf } from '../kube/resources.ts';
import type { KubeObject, OwnerReference } from '../kube/types.ts';
import { pause } from '../util/abort.ts';
import { PATIENCE, removeExactly } from './cluster.ts';
import { foreignTunnel, nameTaken, takenOver, tunnelInUse } from './errors.ts';
import { holderOf, holding, isAlive, isMine } from './holder.ts';
import { SESSION, TUNNEL } from './labels.ts';
import { anchor, type Belonging } from './objects.ts';

/** How long the cluster may take to remove what is replaced, in milliseconds. */
const GONE_WITHIN = 30_000;
const LOOK_EVERY = 200;

/** The right to a tunnel's name, while it lasts. */
export interface Claim {
  object: KubeObject;
  owner: OwnerReference;
  /** True when there is something of an earlier run to be kept. */
  adopted: boolean;
}

/**
 * Takes the name: whoever makes the anchor has it. One that a run of the same user left behind is
 * taken over; one in use only when that was asked for, and one of another user never.
 *
 * @throws {DatamillError} TUNNEL_IN_USE (exit 6), TUNNEL_FOREIGN, TUNNEL_NAME_TAKEN (exit 3).
 */
export async function claim(api: Api, of: Belonging, signal: AbortSignal): Promise<Claim> {
  const wanted = anchor(of);
  const path = await pathOf(api, refOf(wanted));
  for (;;) {
    const made = await create(api, wanted);
    if (made !== undefined) return claimed(made, false);
    const found = await api.find<KubeObject>(path);
    if (found === undefined) continue;
    // The answer to our own create was lost.
    if (found.metadata.labels?.[SESSION] === of.labels[SESSION]) return claimed(found, false);
    requireOurs(found, of);
    if (of.spec.existing === 'replace' || found.metadata.deletionTimestamp !== undefined) {
      await removeExactly(api, found);
      await gone(api, path, found.metadata.uid, signal);
      continue;
    }
    const adopted = await adopt(api, path, found, of);
    if (adopted !== undefined) return claimed(adopted, true);
  }
}

function claimed(object: KubeObject, adopted: boolean): Claim {
  const { name, uid } = object.metadata;
  return {
    object: { ...object, apiVersion: 'batch/v1', kind: 'Job' },
    owner: { apiVersion: 'batch/v1', kind: 'Job', name, uid, controller: false },
    adopted,
  };
}

function requireOurs(found: KubeObject, { spec }: Belonging): void {
  const { name, namespace } = spec;
  if (found.metadata.labels?.[TUNNEL] === undefined) throw nameTaken('Job', namespace, name);
  if (!isMine(found)) throw foreignTunnel(name, holderOf(found));
  if (spec.existing === undefined && isAlive(found)) throw tunnelInUse(name, holderOf(found));
}

async function gone(api: Api, path: string, uid: string | undefined, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + GONE_WITHIN;
  while (Date.now() < deadline) {
    const found = await api.find<KubeObject>(path);
    if (found === undefined || found.metadata.uid !== uid) return;
    await pause(LOOK_EVERY, signal);
  }
}

/** @returns undefined when somebody else was faster. */
async function adopt(
  api: Api,
  path: string,
  found: KubeObject,
  of: Belonging,
): Promise<KubeObject | undefined> {
  const { resourceVersion, uid } = found.metadata;
  try {
    return await api.request<KubeObject>('PATCH', path, {
      contentType: 'application/merge-patch+json',
      retryFor: 0,
      body: {
        metadata: { resourceVersion, uid, labels: of.labels, annotations: of.annotations },
        spec: { ttlSecondsAfterFinished: lifetime(found, of.spec.ttl) },
      },
    });
  } catch (error) {
    if (isStatus(error, 404) || isStatus(error, 409)) return undefined;
    throw error;
  }
}

/** The time to live counts from when the Job was complete, which was when it was made. */
function lifetime({ metadata }: KubeObject, ttl: number): number {
  const age = Math.max(0, Date.now() - Date.parse(metadata.creationTimestamp ?? ''));
  return ttl + Math.ceil((age || 0) / 1000);
}

/** False when another run has taken it over. One that is gone is still ours: its parts may be left. */
export async function isStillHeld(api: Api, { object }: Claim): Promise<boolean> {
  const found = await api.find<KubeObject>(await pathOf(api, refOf(object)), PATIENCE);
  return found === undefined || isSame(object, found);
}

function isSame({ metadata }: KubeObject, found: KubeObject): boolean {
  const { uid, labels } = found.metadata;
  return uid === metadata.uid && labels?.[SESSION] === metadata.labels?.[SESSION];
}

/**
 * Says that we live, so that the tunnel stays for another time to live.
 *
 * @returns false when there is no anchor any more.
 * @throws {DatamillError} TUNNEL_TAKEN_OVER (exit 6) when another run has it now.
 */
export async function renew(api: Api, { object }: Claim, ttl: number): Promise<boolean> {
  const path = await pathOf(api, refOf(object));
  const found = await api.find<KubeObject>(path, { retryFor: 0 });
  if (found === undefined || found.metadata.deletionTimestamp !== undefined) return false;
  if (!isSame(object, found)) throw takenOver(object.metadata.name);
  await api.request('PATCH', path, {
    contentType: 'application/merge-patch+json',
    retryFor: 0,
    body: {
      metadata: { uid: object.metadata.uid, annotations: holding() },
      spec: { ttlSecondsAfterFinished: lifetime(found, ttl) },
    },
  });
  return true;
}
