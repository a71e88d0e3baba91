import type { Api } from './client.ts';
import { isStatus } from './errors.ts';
import { DATA_MILL, type Identity, MANAGED_BY, ownLabels } from './labels.ts';
import { apply, create } from './objects.ts';
import type { KubeObject } from './types.ts';

/**
 * Makes a namespace when it is not there. Labels that are asked for are added to one that is;
 * where the user may not look at namespaces it is taken to be there.
 */
export async function ensureNamespace(
  api: Api,
  name: string,
  identity: Identity,
  labels: Record<string, string> = {},
): Promise<void> {
  let found: KubeObject | undefined;
  try {
    found = await api.find<KubeObject>(`/api/v1/namespaces/${name}`);
  } catch (error) {
    if (isStatus(error, 403)) return;
    throw error;
  }
  if (found === undefined) {
    await create(api, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, labels: { ...ownLabels(identity), ...labels } },
    });
    return;
  }
  const missing = Object.entries(labels).filter(([key, value]) => found.metadata.labels?.[key] !== value);
  if (missing.length > 0)
    await apply(api, { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
}

/** True when we made the namespace for this project. */
export function isOwnNamespace(namespace: KubeObject, identity: Identity): boolean {
  const labels = namespace.metadata.labels ?? {};
  return (
    labels[MANAGED_BY] === DATA_MILL &&
    Object.entries(ownLabels(identity)).every(([key, value]) => labels[key] === value)
  );
}
