import { gunzipSync } from 'node:zlib';
import { parseAllDocuments } from 'yaml';
import type { Api } from '../kube/client.ts';
import { list } from '../kube/objects.ts';
import type { KubeObject } from '../kube/types.ts';

export type ReleaseStatus =
  | 'unknown'
  | 'deployed'
  | 'uninstalled'
  | 'superseded'
  | 'failed'
  | 'uninstalling'
  | 'pending-install'
  | 'pending-upgrade'
  | 'pending-rollback';

/** One revision, as the labels of its Secret tell it: nothing is decoded. */
export interface Revision {
  name: string;
  namespace: string;
  revision: number;
  status: ReleaseStatus;
  labels: Record<string, string>;
  /** Unix seconds, from Helm's own label. */
  modifiedAt?: number;
  secret: string;
}

/** What the Secret of a revision holds; the format is Helm's (pkg/storage/driver/util.go). */
export interface ReleaseContent {
  version: number;
  manifest: string;
  apply_method?: 'ssa' | 'csa';
  info: { status: ReleaseStatus; description?: string; last_deployed?: string };
  chart: { metadata: { name: string; version: string; appVersion?: string } };
  config?: Record<string, unknown>;
}

/** All revisions of one namespace, or of one release, newest first for each release. */
export async function listRevisions(
  api: Api,
  namespace: string,
  options: { release?: string; superseded?: boolean; signal?: AbortSignal } = {},
): Promise<Revision[]> {
  const labels = [
    'owner=helm',
    ...(options.superseded ? [] : ['status!=superseded']),
    ...(options.release === undefined ? [] : [`name=${options.release}`]),
  ];
  const secrets = await list(
    api,
    { apiVersion: 'v1', kind: 'Secret', namespace },
    {
      labels: labels.join(','),
      fields: 'type=helm.sh/release.v1',
      metadataOnly: true,
      signal: options.signal,
    },
  );
  return secrets.map(toRevision).sort((a, b) => a.name.localeCompare(b.name) || b.revision - a.revision);
}

function toRevision({ metadata }: KubeObject): Revision {
  const labels = metadata.labels ?? {};
  const modified = Number(labels.modifiedAt ?? labels.createdAt);
  return {
    name: labels.name ?? '',
    namespace: metadata.namespace ?? '',
    revision: Number(labels.version),
    status: (labels.status ?? 'unknown') as ReleaseStatus,
    labels,
    modifiedAt: Number.isFinite(modified) ? modified : undefined,
    secret: metadata.name,
  };
}

/** The newest revision of every release. */
export function newest(revisions: readonly Revision[]): Map<string, Revision> {
  const result = new Map<string, Revision>();
  for (const revision of revisions) {
    const other = result.get(revision.name);
    if (other === undefined || revision.revision > other.revision) result.set(revision.name, revision);
  }
  return result;
}

/** Reads the Secret of a revision. Its content holds values in clear: never log it. */
export async function readRelease(
  api: Api,
  namespace: string,
  secret: string,
): Promise<ReleaseContent | undefined> {
  const found = await api.find<{ data?: { release?: string } }>(
    `/api/v1/namespaces/${namespace}/secrets/${secret}`,
  );
  return found?.data?.release === undefined ? undefined : decodeRelease(found.data.release);
}

/** base64 by Kubernetes, then base64 by Helm, then gzip (which very old releases lack), then JSON. */
export function decodeRelease(data: string): ReleaseContent {
  const bytes = Buffer.from(Buffer.from(data, 'base64').toString(), 'base64');
  const json = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
  return JSON.parse(json.toString('utf8')) as ReleaseContent;
}

/** The objects of a rendered manifest, in its order. */
export function manifestObjects(manifest: string): KubeObject[] {
  return parseAllDocuments(manifest, { logLevel: 'silent', uniqueKeys: false })
    .map((document) => document.toJS() as KubeObject | null)
    .flatMap((object) => {
      if (object === null || typeof object !== 'object' || object.kind === undefined) return [];
      return object.kind === 'List' && Array.isArray(object.items)
        ? (object.items as KubeObject[])
        : [object];
    });
}

export function isPending(status: ReleaseStatus): boolean {
  return status.startsWith('pending-') || status === 'uninstalling';
}
