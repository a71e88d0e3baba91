import { randomBytes } from 'node:crypto';
import { ownerMetadata } from '../../debug/index.ts';
import { DatamillError } from '../../errors.ts';
import type { Api } from '../../kube/client.ts';
import type { Identity } from '../../kube/labels.ts';
import type { KubeObject } from '../../kube/types.ts';
import { type ExportSettings, PIPELINE } from '../../pipeline/index.ts';

/** Seconds after which the cluster ends a pod of ours by itself. */
const LONGEST = 4 * 3600;

/** A pod of ours that sees the shared disk, with labels by which `debug gc` finds it. */
export function diskPod(
  { namespace }: ExportSettings,
  spec: Record<string, unknown>,
  { identity, slug, verb }: { identity: Identity; slug: string; verb: string },
): KubeObject {
  const session = randomBytes(4).toString('hex');
  const { labels, annotations } = ownerMetadata(identity, `pipeline-${verb}`, session);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${slug}-${verb}-${session}`,
      namespace,
      labels: { ...labels, [PIPELINE]: slug },
      annotations,
    },
    spec: { ...spec, activeDeadlineSeconds: LONGEST },
  };
}

/**
 * Looks whether the claim of the shared disk is there.
 *
 * @returns the settings, with how the claim can be mounted.
 * @throws {DatamillError} CLAIM_MISSING.
 */
export async function claimAccess(api: Api, settings: ExportSettings): Promise<string | undefined> {
  const { namespace, volumes } = settings;
  const claim = volumes[0]?.claim;
  if (claim === undefined) return undefined;
  const path = `/api/v1/namespaces/${namespace}/persistentvolumeclaims/${encodeURIComponent(claim)}`;
  const found = await api.find<KubeObject>(path);
  if (found === undefined)
    throw new DatamillError('CLAIM_MISSING', `there is no claim "${claim}" in namespace ${namespace}`, {
      hint: 'the flavour pipelines makes one: `datamill up -f pipelines.yaml`; or name another one with --claim',
    });
  const modes = (found.spec?.accessModes ?? []) as string[];
  return modes.includes('ReadWriteMany') ? 'ReadWriteMany' : modes[0];
}
