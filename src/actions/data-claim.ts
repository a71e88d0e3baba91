import { createHash } from 'node:crypto';
import type { Kind } from '../doctor/kinds.ts';
import { DatamillError } from '../errors.ts';
import { isStatus } from '../kube/errors.ts';
import { type Identity, ownLabels, ownSelector } from '../kube/labels.ts';
import { apply, listIfAllowed, remove } from '../kube/objects.ts';
import { pathOf } from '../kube/resources.ts';
import type { KubeObject } from '../kube/types.ts';
import { DATA_FOLDER, type DataMount } from '../resolve/data-mount.ts';
import type { ResolvedComponent } from '../resolve/types.ts';
import { pause } from '../util/abort.ts';
import type { Session } from './session.ts';

/** On the claims and volumes of data folders. */
const LABEL = 'datamill.io/data-folder';
/** What mounting it takes. */
export const dataKinds: readonly Kind[] = ['PersistentVolume', 'PersistentVolumeClaim'].map((kind) => ({
  apiVersion: 'v1',
  kind,
}));
/** Milliseconds until a volume that nobody uses any more must be gone. */
const GOING = 30_000;

/** Whether a component mounts the data folder of this machine. */
export function takesDataFolder(component: ResolvedComponent, mount: DataMount | undefined): boolean {
  return Object.values(component.needs).some(
    (need) => need?.capability === DATA_FOLDER && need.fields.claim === mount?.claim,
  );
}

/**
 * Makes the claim by which pods of a namespace mount the data folder, and the volume behind it: a
 * folder of the nodes. Both are read-only, and stay until `down`.
 *
 * @throws {DatamillError} DATA_CLAIM when the volume, which is no object of a namespace, may not be made.
 */
export async function ensureDataClaim(
  { api, identity }: Session,
  namespace: string,
  { claim, node }: DataMount,
  signal: AbortSignal,
): Promise<void> {
  const labels = { ...ownLabels(identity), [LABEL]: 'true' };
  const capacity = { storage: '1Gi' };
  const volume: KubeObject = {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: volumeName(identity, namespace, claim), labels },
    spec: {
      // Nobody looks at the size of a folder.
      capacity,
      accessModes: ['ReadOnlyMany'],
      persistentVolumeReclaimPolicy: 'Retain',
      storageClassName: '',
      hostPath: { path: node, type: 'Directory' },
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: claim, namespace },
    },
  };
  try {
    await dropReleased({ api }, volume, signal);
    await apply(api, volume, { signal });
  } catch (cause) {
    if (!isStatus(cause, 403)) throw cause;
    throw new DatamillError('DATA_CLAIM', 'the data folder cannot be mounted: you may not make volumes', {
      hint: 'leave `mount_data` out, or ask for the right to get, create, patch and delete persistentvolumes',
      cause,
    });
  }
  const spec = {
    accessModes: ['ReadOnlyMany'],
    storageClassName: '',
    volumeName: volume.metadata.name,
    resources: { requests: capacity },
  };
  const metadata = { name: claim, namespace, labels };
  await apply(api, { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata, spec }, { signal });
}

/** A volume whose claim is gone cannot be bound again. */
async function dropReleased(
  { api }: Pick<Session, 'api'>,
  { apiVersion, kind, metadata: { name } }: KubeObject,
  signal: AbortSignal,
): Promise<void> {
  const ref = { apiVersion, kind, name };
  const deadline = Date.now() + GOING;
  for (;;) {
    const found = await api.find<KubeObject>(await pathOf(api, ref), { signal });
    const { phase } = (found?.status ?? {}) as { phase?: string };
    const isGoing = found?.metadata.deletionTimestamp !== undefined;
    if (found === undefined || (!isGoing && phase !== 'Released' && phase !== 'Failed')) return;
    if (Date.now() > deadline) throw new DatamillError('DATA_CLAIM', `the volume ${name} does not go away`);
    if (!isGoing) await remove(api, ref);
    await pause(200, signal);
  }
}

/** Removes claims of data folders, and their volumes; what is in the folders stays. */
export async function dropDataClaims(
  { api, identity }: Session,
  namespaces: Iterable<string>,
  keep?: DataMount,
): Promise<void> {
  const labels = `${ownSelector(identity)},${LABEL}=true`;
  const ref = { apiVersion: 'v1', kind: 'PersistentVolumeClaim' };
  for (const namespace of new Set(namespaces)) {
    const claims = await listIfAllowed(api, { ...ref, namespace }, { labels });
    for (const { metadata } of claims ?? []) {
      if (metadata.name === keep?.claim) continue;
      await remove(api, { ...ref, name: metadata.name, namespace });
      const name = volumeName(identity, namespace, metadata.name);
      await remove(api, { apiVersion: 'v1', kind: 'PersistentVolume', name });
    }
  }
}

/** Whether a claim is one of a data folder. */
export function isDataClaim({ metadata }: KubeObject): boolean {
  return metadata.labels?.[LABEL] === 'true';
}

/** Volumes are the whole cluster's: their names must tell projects and namespaces apart. */
function volumeName({ project, namespace: home }: Identity, namespace: string, claim: string): string {
  const digest = createHash('sha256').update(`${home}/${project}/${namespace}`).digest('hex').slice(0, 12);
  return `${claim}-${digest}`;
}
