import { listRevisions, newest, type Revision } from '../helm/releases.ts';
import type { Api } from '../kube/client.ts';
import { isStatus } from '../kube/errors.ts';
import type { Identity } from '../kube/labels.ts';
import { list } from '../kube/objects.ts';
import { type ObjectRef, pathOf, refKey, refOf } from '../kube/resources.ts';
import type { KubeObject } from '../kube/types.ts';
import { type InstallRecord, type RecordedObject, readRecords } from './record.ts';

/** What the cluster has of a project, by a handful of list calls. */
export interface Live {
  records: Map<string, InstallRecord>;
  /** `namespace/release` -> its newest revision. */
  releases: Map<string, Revision>;
  /** Objects that records name, by refKey. */
  objects: Map<string, KubeObject>;
  /** Kinds (as `apiVersion/kind/namespace`) that the user may not list: their objects are taken for well. */
  hidden: Set<string>;
}

/** Kinds whose readiness needs no status: their metadata is enough, and Secrets stay where they are. */
const PASSIVE = new Set([
  'ConfigMap',
  'Secret',
  'ServiceAccount',
  'Role',
  'RoleBinding',
  'ClusterRole',
  'ClusterRoleBinding',
  'NetworkPolicy',
  'PodDisruptionBudget',
  'StorageClass',
  'Namespace',
]);

const METADATA = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';

export function releaseKey(namespace: string, release: string): string {
  return `${namespace}/${release}`;
}

export async function readLive(
  api: Api,
  identity: Identity,
  namespaces: Iterable<string>,
  signal?: AbortSignal,
): Promise<Live> {
  const wanted = new Set([identity.namespace, ...namespaces]);
  const recordsRead = readRecords(api, identity, wanted, signal);
  // The releases of the namespaces that we know of are asked for at once, those of others afterwards.
  const first = Promise.all([...wanted].map((namespace) => listRevisions(api, namespace, { signal })));
  // When the records cannot be read nobody waits for these any more.
  first.catch(() => undefined);
  const records = await recordsRead;
  const others = new Set(
    [...records.values()].map(({ namespace }) => namespace).filter((namespace) => !wanted.has(namespace)),
  );
  const [revisions, { objects, hidden }] = await Promise.all([
    Promise.all([
      first,
      Promise.all([...others].map((namespace) => listRevisions(api, namespace, { signal }))),
    ]),
    readObjects(
      api,
      [...records.values()].flatMap((record) => record.objects),
      signal,
    ),
  ]);
  const releases = new Map<string, Revision>();
  for (const found of revisions.flat())
    for (const [name, revision] of newest(found))
      releases.set(releaseKey(revision.namespace, name), revision);
  return { records, releases, objects, hidden };
}

/** Looks all these objects up, by one list for each kind and namespace. */
export async function readObjects(
  api: Api,
  refs: readonly ObjectRef[],
  signal?: AbortSignal,
): Promise<{ objects: Map<string, KubeObject>; hidden: Set<string> }> {
  const groups = new Map<string, ObjectRef>();
  const wanted = new Set(refs.map(refKey));
  for (const ref of refs) groups.set(groupKey(ref), ref);
  const objects = new Map<string, KubeObject>();
  const hidden = new Set<string>();
  await Promise.all(
    [...groups].map(async ([key, { apiVersion, kind, namespace }]) => {
      try {
        for (const object of await list(
          api,
          { apiVersion, kind, namespace },
          { metadataOnly: PASSIVE.has(kind), signal },
        )) {
          const name = refKey(refOf(object));
          if (wanted.has(name)) objects.set(name, object);
        }
      } catch (error) {
        if (isStatus(error, 403)) hidden.add(key);
        // A kind that is no longer known has no objects.
        else if (!isStatus(error, 404) && (error as { code?: string }).code !== 'UNKNOWN_KIND') throw error;
      }
    }),
  );
  return { objects, hidden };
}

/** As `readObjects`, one by one and only their metadata: a release has few of a large namespace's objects. */
export async function readMetadata(
  api: Api,
  refs: readonly ObjectRef[],
  signal?: AbortSignal,
): Promise<Map<string, KubeObject>> {
  const objects = new Map<string, KubeObject>();
  await Promise.all(
    refs.map(async (ref) => {
      try {
        const found = await api.find<KubeObject>(await pathOf(api, ref), { accept: METADATA, signal });
        if (found !== undefined) objects.set(refKey(ref), found);
      } catch (error) {
        if (!isStatus(error, 403) && (error as { code?: string }).code !== 'UNKNOWN_KIND') throw error;
      }
    }),
  );
  return objects;
}

export function groupKey({ apiVersion, kind, namespace }: ObjectRef): string {
  return `${apiVersion}/${kind}/${namespace ?? ''}`;
}

/**
 * Changes when somebody changes the object: the generation where there is one (status does not
 * touch it), else the resource version.
 */
export function markOf(object: KubeObject): string {
  const { generation, resourceVersion } = object.metadata;
  return generation === undefined ? `v${resourceVersion}` : `g${generation}`;
}

export function withMarks(
  refs: readonly ObjectRef[],
  objects: ReadonlyMap<string, KubeObject>,
): RecordedObject[] {
  return refs.map((ref) => {
    const object = objects.get(refKey(ref));
    return object === undefined ? ref : { ...ref, mark: markOf(object) };
  });
}
