import type { Api } from '../kube/client.ts';
import { isStatus } from '../kube/errors.ts';
import { type ObjectRef, pathOf, refOf } from '../kube/resources.ts';
import type { KubeObject } from '../kube/types.ts';

/** Kinds that a tunnel consists of, the one that all belong to last. */
export const KINDS: ReadonlyArray<Pick<ObjectRef, 'apiVersion' | 'kind'>> = [
  { apiVersion: 'apps/v1', kind: 'Deployment' },
  { apiVersion: 'v1', kind: 'Service' },
  { apiVersion: 'v1', kind: 'Secret' },
  { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' },
  { apiVersion: 'batch/v1', kind: 'Job' },
];

/** Seconds that a delete at the end is tried: whoever ends a tunnel waits for it. */
export const PATIENCE = { timeout: 5000, retryFor: 15_000 };

/** Deletes this very object, and not one that took its name since. Gone is fine. */
export async function removeExactly(api: Api, object: KubeObject): Promise<void> {
  try {
    await api.request('DELETE', await pathOf(api, refOf(object)), {
      ...PATIENCE,
      body: {
        kind: 'DeleteOptions',
        apiVersion: 'v1',
        propagationPolicy: 'Background',
        preconditions: { uid: object.metadata.uid },
      },
    });
  } catch (error) {
    // 409: another object has the name now.
    if (!isStatus(error, 404) && !isStatus(error, 409)) throw error;
  }
}
