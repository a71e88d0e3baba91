import type { Api } from './client.ts';
import { type Identity, isOurs, releaseLabels } from './labels.ts';
import { list } from './objects.ts';
import type { KubeObject } from './types.ts';

/** The volume claims of a release, or of a project when no release is named. */
export async function claimsOf(
  api: Api,
  identity: Identity,
  namespace: string,
  releases: ReadonlySet<string>,
): Promise<KubeObject[]> {
  const claims = await list(api, { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace });
  return claims.filter(({ metadata: { labels, annotations } }) => {
    const release = labels?.['app.kubernetes.io/instance'] ?? annotations?.['meta.helm.sh/release-name'];
    return isOurs(labels, identity) || (release !== undefined && releases.has(release));
  });
}

/** Labels claims that outlive their release, so that a later `down --delete-data` knows whose they are. */
export async function signClaims(
  api: Api,
  identity: Identity,
  component: string,
  claims: readonly KubeObject[],
): Promise<void> {
  for (const { metadata } of claims) {
    if (isOurs(metadata.labels, identity) || metadata.deletionTimestamp !== undefined) continue;
    const path = `/api/v1/namespaces/${metadata.namespace}/persistentvolumeclaims/${metadata.name}`;
    await api.request('PATCH', path, {
      contentType: 'application/merge-patch+json',
      body: { metadata: { labels: releaseLabels(identity, component) } },
    });
  }
}
