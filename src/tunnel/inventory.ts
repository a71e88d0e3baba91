import { DatamillError } from '../errors.ts';
import type { Api } from '../kube/client.ts';
import { text } from '../kube/fields.ts';
import { processIdOf } from '../kube/holder.ts';
import { list, listIfAllowed } from '../kube/objects.ts';
import type { KubeObject } from '../kube/types.ts';
import { pause } from '../util/abort.ts';
import { KINDS, removeExactly } from './cluster.ts';
import { foreignTunnel } from './errors.ts';
import { holderOf, isAlive, isMine } from './holder.ts';
import { ALL_TUNNELS, PORTS, RENEWED, TRANSPORT, TTL, TUNNEL } from './labels.ts';

/** How long the cluster may take to follow, in milliseconds. */
const GONE_WITHIN = 20_000;
const LOOK_EVERY = 250;

/** A tunnel as the cluster knows it. */
export interface TunnelEntry {
  name: string;
  namespace: string;
  holder: string;
  mine: boolean;
  /** `in use`, or `left` by a program that is gone. */
  state: 'in use' | 'left';
  ports: string;
  transport: string;
  /** RFC 3339. */
  created: string;
  /** When the cluster removes it if nobody says that it is in use, RFC 3339. */
  expires: string;
}

const JOBS = { apiVersion: 'batch/v1', kind: 'Job' };

/** All tunnels of a namespace, of all users; undefined: of all namespaces. */
export async function listTunnels(
  api: Api,
  namespace: string | undefined,
  signal?: AbortSignal,
): Promise<TunnelEntry[]> {
  return (await anchors(api, namespace, signal)).map(toEntry);
}

async function anchors(
  api: Api,
  namespace: string | undefined,
  signal: AbortSignal | undefined,
): Promise<KubeObject[]> {
  const found = await list(api, { ...JOBS, namespace }, { labels: ALL_TUNNELS, signal });
  return found.filter(({ metadata }) => metadata.name === metadata.labels?.[TUNNEL]);
}

function toEntry(anchor: KubeObject): TunnelEntry {
  const { name, namespace = '', annotations = {}, creationTimestamp } = anchor.metadata;
  const ttl = Number(annotations[TTL]) || 0;
  const renewed = Date.parse(annotations[RENEWED] ?? '') || Date.parse(creationTimestamp ?? '') || 0;
  return {
    name,
    namespace,
    holder: holderOf(anchor),
    mine: isMine(anchor),
    state: isAlive(anchor) ? 'in use' : 'left',
    ports: text(annotations[PORTS]),
    transport: text(annotations[TRANSPORT]),
    created: creationTimestamp ?? '',
    expires: new Date(renewed + ttl * 1000).toISOString(),
  };
}

/**
 * Removes one tunnel of this user. A program of this machine that uses it is ended, as by `kill`;
 * one elsewhere makes it again.
 *
 * @throws {DatamillError} NO_TUNNEL when there is none, TUNNEL_FOREIGN (exit 3).
 */
export async function removeTunnel(
  api: Api,
  namespace: string,
  name: string,
  signal?: AbortSignal,
): Promise<void> {
  const all = await anchors(api, namespace, signal);
  const found = all.find(({ metadata }) => metadata.name === name);
  if (found === undefined) {
    const names = all.map(({ metadata }) => metadata.name).join(', ');
    throw new DatamillError('NO_TUNNEL', `there is no tunnel ${name} in namespace ${namespace}`, {
      hint: names === '' ? 'there is none at all' : `there are ${names}`,
    });
  }
  if (!isMine(found)) throw foreignTunnel(name, holderOf(found));
  await endHolder(found, signal);
  await removeAll(api, namespace, [found], signal);
}

/** A program that goes on would make again what is removed. */
async function endHolder(anchor: KubeObject, signal: AbortSignal | undefined): Promise<void> {
  const pid = processIdOf(holderOf(anchor), anchor);
  if (pid === undefined) return;
  try {
    process.kill(pid, 'SIGTERM');
  } catch {
    // Gone by now, or somebody else's.
    return;
  }
  const deadline = Date.now() + GONE_WITHIN;
  while (Date.now() < deadline && processIdOf(holderOf(anchor), anchor) !== undefined)
    await pause(LOOK_EVERY, signal);
}

/**
 * Removes what runs of this user left behind: tunnels whose program is gone, and objects whose
 * anchor is. What is in use, and what belongs to others, stays.
 *
 * @returns the names of what was removed.
 */
export async function collectGarbage(api: Api, namespace: string, signal?: AbortSignal): Promise<string[]> {
  // In this order: a tunnel that is being made now has its anchor first.
  const found = await parts(api, namespace, signal);
  const all = await anchors(api, namespace, signal);
  const left = all.filter((anchor) => isMine(anchor) && !isAlive(anchor));
  const owners = new Set(all.map(({ metadata }) => metadata.uid));
  const orphans = found.filter(
    (part) => isMine(part) && !(part.metadata.ownerReferences ?? []).some(({ uid }) => owners.has(uid)),
  );
  await removeAll(api, namespace, left, signal);
  await Promise.all(orphans.map((part) => removeExactly(api, part)));
  const names = [...left, ...orphans].map(({ metadata }) => metadata.labels?.[TUNNEL] ?? metadata.name);
  return [...new Set(names)].sort();
}

/** What belongs to the anchors of a namespace; pods and replica sets belong to one of these in turn. */
async function parts(api: Api, namespace: string, signal: AbortSignal | undefined): Promise<KubeObject[]> {
  const kinds = KINDS.filter(({ kind }) => kind !== 'Job');
  const lists = await Promise.all(
    kinds.map((kind) =>
      listIfAllowed(api, { ...kind, namespace }, { labels: ALL_TUNNELS, metadataOnly: true, signal }),
    ),
  );
  return lists.flatMap((found) => found ?? []);
}

async function removeAll(
  api: Api,
  namespace: string,
  all: KubeObject[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const uids = new Set(all.map(({ metadata }) => metadata.uid));
  const owned = (part: KubeObject) => (part.metadata.ownerReferences ?? []).some(({ uid }) => uids.has(uid));
  const found = (await parts(api, namespace, signal)).filter(owned);
  await Promise.all([...found, ...all].map((object) => removeExactly(api, object)));
  const deadline = Date.now() + GONE_WITHIN;
  // Where parts may not be listed the cluster removes them after their anchor, unseen.
  while (Date.now() < deadline && (await parts(api, namespace, signal)).some(owned))
    await pause(LOOK_EVERY, signal);
}
