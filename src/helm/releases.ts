import { gunzipSync, gzipSync } from 'node:zlib';
import { parseAllDocuments } from 'yaml';
import { DatamillError } from '../errors.ts';
import type { Api } from '../kube/client.ts';
import { isStatus } from '../kube/errors.ts';
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

/**
 * Writes the status of a revision, as helm would have done. Nothing that the release made is touched.
 *
 * @returns false when the revision is gone, or somebody else wrote to it in the meantime.
 */
export async function setStatus(
  api: Api,
  namespace: string,
  secret: string,
  status: ReleaseStatus,
): Promise<boolean> {
  const path = `/api/v1/namespaces/${namespace}/secrets/${secret}`;
  const found = await api.find<KubeObject>(path);
  const data = found?.data?.release;
  if (found === undefined || typeof data !== 'string') return false;
  const body = {
    ...found,
    metadata: { ...found.metadata, labels: { ...found.metadata.labels, status } },
    data: { ...found.data, release: withStatus(data, status) },
  };
  try {
    await api.request('PUT', path, { body });
    return true;
  } catch (error) {
    if (isStatus(error, 409) || isStatus(error, 404)) return false;
    throw error;
  }
}

/** `info` up to its status: helm writes it before everything that a chart or a user says. */
const STATUS =
  /^(\{"name":"[^"]*","info":\{(?:"(?!status")\w+":(?:"(?:[^"\\]|\\.)*"|null|\d+),)*"status":")[a-z-]+"/;

/** Changes the text and nothing else: parsing it would round the long numbers of the values. */
export function withStatus(data: string, status: ReleaseStatus): string {
  const text = releaseText(data).replace(STATUS, `$1${status}"`);
  if ((JSON.parse(text) as ReleaseContent).info.status !== status)
    throw new DatamillError('RELEASE_FORMAT', 'the Secret of this release is not as helm writes it', {
      hint: 'look at it with `helm history`, and free it with `helm rollback`',
    });
  return Buffer.from(gzipSync(text).toString('base64')).toString('base64');
}

/** base64 by Kubernetes, then base64 by Helm, then gzip (which very old releases lack), then JSON. */
export function decodeRelease(data: string): ReleaseContent {
  return JSON.parse(releaseText(data)) as ReleaseContent;
}

function releaseText(data: string): string {
  const bytes = Buffer.from(Buffer.from(data, 'base64').toString(), 'base64');
  const json = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
  return json.toString('utf8');
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
