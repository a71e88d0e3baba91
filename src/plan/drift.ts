import { manifestObjects, type ReleaseContent } from '../helm/releases.ts';
import type { Api } from '../kube/client.ts';
import { isStatus } from '../kube/errors.ts';
import { apply } from '../kube/objects.ts';
import { type ObjectRef, pathOf, refKey, refOf, resourceOf } from '../kube/resources.ts';
import type { KubeObject } from '../kube/types.ts';
import { type Change, diffObjects } from './diff.ts';

/** helm's own field manager: applying as helm shows exactly what helm would put back. */
const HELM_MANAGER = 'helm';

/**
 * What differs between the objects of a release and what the release says of them, found by a
 * server-side apply that changes nothing.
 *
 * @param only objects to look at; default all.
 */
export async function driftOf(
  api: Api,
  namespace: string,
  release: string,
  content: ReleaseContent,
  only?: readonly ObjectRef[],
): Promise<Change[]> {
  const keys = only === undefined ? undefined : new Set(only.map(refKey));
  const objects = await Promise.all(
    manifestObjects(content.manifest).map((object) => placed(api, object, namespace)),
  );
  const looked = objects.filter((object) => keys === undefined || keys.has(refKey(refOf(object))));
  const changes = await Promise.all(
    looked.map((object) => driftOfObject(api, asHelmApplies(object, namespace, release))),
  );
  return changes.flat();
}

/** The objects of a release, each with its namespace. */
export async function releaseObjects(api: Api, namespace: string, manifest: string): Promise<KubeObject[]> {
  return await Promise.all(manifestObjects(manifest).map((object) => placed(api, object, namespace)));
}

/** Gives an object of a manifest the namespace that it gets in the cluster. */
async function placed(api: Api, object: KubeObject, namespace: string): Promise<KubeObject> {
  if (object.metadata.namespace !== undefined) return object;
  const { namespaced } = await resourceOf(api, object.apiVersion, object.kind);
  return namespaced ? { ...object, metadata: { ...object.metadata, namespace } } : object;
}

/** helm adds these to everything; without them our apply would seem to take them away. */
function asHelmApplies(object: KubeObject, namespace: string, release: string): KubeObject {
  const { labels, annotations } = object.metadata;
  return {
    ...object,
    metadata: {
      ...object.metadata,
      labels: { ...labels, 'app.kubernetes.io/managed-by': 'Helm' },
      annotations: {
        ...annotations,
        'meta.helm.sh/release-name': release,
        'meta.helm.sh/release-namespace': namespace,
      },
    },
  };
}

async function driftOfObject(api: Api, object: KubeObject): Promise<Change[]> {
  const path = await pathOf(api, refOf(object));
  const live = await api.find<KubeObject>(path);
  const typed = live === undefined ? [] : [{ ...live, apiVersion: object.apiVersion, kind: object.kind }];
  try {
    return diffObjects(typed, [await apply(api, object, { dryRun: true, manager: HELM_MANAGER })]);
  } catch (error) {
    // Without the right to write, or where a webhook forbids even to try, nothing can be said.
    if (isStatus(error, 403) && live !== undefined) return [];
    throw error;
  }
}
