import { makeKey, type SshKey } from '../ssh/index.ts';
import type { Api } from '../kube/client.ts';
import { fields } from '../kube/fields.ts';
import { create, listIfAllowed } from '../kube/objects.ts';
import { pathOf, refOf } from '../kube/resources.ts';
import type { KubeObject } from '../kube/types.ts';
import { pause } from '../util/abort.ts';
import type { Claim } from './anchor.ts';
import { removeExactly } from './cluster.ts';
import { nameTaken } from './errors.ts';
import { isMine } from './holder.ts';
import { SESSION, TUNNEL } from './labels.ts';
import { type Belonging, deployment, networkPolicy, secret, service, sshService } from './objects.ts';
import { listenPorts } from './ports.ts';
import { serverFiles } from './sshd.ts';

const LOOK_EVERY = 200;

/** The keys of a run: made here, and gone with it. */
export interface Keys {
  host: SshKey;
  client: SshKey;
}

export function makeKeys(): Keys {
  return { host: makeKey(), client: makeKey() };
}

/** What a tunnel consists of in the cluster. */
export interface Placed {
  /** The address on which the server listens for pods. */
  listenHost: string;
  /** Of the transport `nodeport`: where nodes answer. */
  nodePort?: number;
}

/**
 * Makes what belongs to the anchor; what is there of this run stays. `made` gets every object as
 * soon as it is there, so that it can be removed whatever happens next.
 *
 * @throws {DatamillError} TUNNEL_NAME_TAKEN (exit 3) when somebody else's object has the name.
 */
export async function place(
  api: Api,
  of: Belonging,
  { owner, adopted }: Claim,
  keys: Keys,
  made: Map<string, KubeObject>,
  signal: AbortSignal,
): Promise<Placed> {
  const put = async (object: KubeObject): Promise<KubeObject> => {
    const there = await ensure(api, object, of, signal);
    made.set(`${object.kind}/${object.metadata.name}`, { ...object, metadata: there.metadata });
    return there;
  };
  const [main, , ssh] = await Promise.all([
    put(service(of, owner)),
    put(networkPolicy(of, owner)),
    of.spec.transport === 'nodeport' ? put(sshService(of, owner)) : undefined,
  ]);
  const families = main.spec?.ipFamilies as string[] | undefined;
  const listenHost = families?.[0] === 'IPv6' ? '::' : '0.0.0.0';
  const listen = [...listenPorts(of.spec.ports).values()].map((port) => ({ host: listenHost, port }));
  const facts = { hostKey: keys.host, clientKey: keys.client, listen, transport: of.spec.transport };
  if (adopted) await removeOldKeys(api, of);
  await put(secret(of, owner, serverFiles(facts)));
  await put(deployment(of, owner));
  const [port] = (ssh?.spec?.ports ?? []) as Array<{ nodePort?: number }>;
  return { listenHost, nodePort: port?.nodePort };
}

/** Those of the run that was taken over; where Secrets may not be listed they go with the anchor. */
async function removeOldKeys(api: Api, { spec, labels }: Belonging): Promise<void> {
  const kind = { apiVersion: 'v1', kind: 'Secret', namespace: spec.namespace };
  const found = await listIfAllowed(api, kind, { labels: `${TUNNEL}=${spec.name}`, metadataOnly: true });
  const old = (found ?? []).filter(
    (one) => isMine(one) && one.metadata.labels?.[SESSION] !== labels[SESSION],
  );
  await Promise.all(old.map((one) => removeExactly(api, one)));
}

/** Creates an object, in the place of one that an earlier run of the same user left behind. */
async function ensure(api: Api, object: KubeObject, of: Belonging, signal: AbortSignal): Promise<KubeObject> {
  const path = await pathOf(api, refOf(object));
  for (;;) {
    const made = await create(api, object);
    if (made !== undefined) return made;
    const found = await api.find<KubeObject>(path);
    if (found === undefined) continue;
    const { labels = {}, deletionTimestamp } = found.metadata;
    if (labels[TUNNEL] !== of.spec.name || !isMine(found))
      throw nameTaken(object.kind, of.spec.namespace, object.metadata.name);
    if (deletionTimestamp === undefined) {
      if (labels[SESSION] === of.labels[SESSION]) return found;
      const kept = await keep(api, path, object, found);
      if (kept !== undefined) return kept;
      await removeExactly(api, { ...object, metadata: { ...object.metadata, uid: found.metadata.uid } });
    }
    await pause(LOOK_EVERY, signal);
  }
}

/** The service that pods call stays when a tunnel is adopted, with its address: they may know it by now. */
async function keep(
  api: Api,
  path: string,
  object: KubeObject,
  found: KubeObject,
): Promise<KubeObject | undefined> {
  const owner = object.metadata.ownerReferences?.[0]?.uid;
  const same = found.metadata.ownerReferences?.some(({ uid }) => uid === owner) === true;
  const called = object.kind === 'Service' && object.spec?.type === 'ClusterIP';
  if (!called || !same || found.spec?.type !== object.spec?.type) return undefined;
  return await api.request<KubeObject>('PATCH', path, {
    contentType: 'application/merge-patch+json',
    body: {
      metadata: { uid: found.metadata.uid, labels: object.metadata.labels },
      spec: { ports: fields(object.spec).ports },
    },
  });
}
