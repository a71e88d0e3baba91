import type { Api } from '../kube/client.ts';
import { fields, items, text } from '../kube/fields.ts';
import { listIfAllowed } from '../kube/objects.ts';
import type { KubeObject } from '../kube/types.ts';

const DEFAULT = 'storageclass.kubernetes.io/is-default-class';

export function isDefaultClass({ metadata }: KubeObject): boolean {
  return metadata.annotations?.[DEFAULT] === 'true';
}

/** A claim that objects of a component make. */
export interface ClaimWanted {
  name: string;
  /** Undefined: the default class; '': volumes without a class. */
  storageClass?: string;
}

/** The claims of manifests, those of StatefulSets among them. */
export function claimsIn(objects: readonly KubeObject[]): ClaimWanted[] {
  return objects.flatMap((object) => {
    if (object.kind === 'PersistentVolumeClaim') return [claimOf(object.metadata.name, object.spec)];
    if (object.kind !== 'StatefulSet') return [];
    return items(object.spec?.volumeClaimTemplates).map(({ metadata, spec }) =>
      claimOf(`${text(fields(metadata).name)}-${object.metadata.name}`, fields(spec)),
    );
  });
}

function claimOf(name: string, spec: Record<string, unknown> | undefined): ClaimWanted {
  // A claim for one named volume asks no class for anything.
  const wanted = text(spec?.volumeName) === '' ? spec?.storageClassName : '';
  return { name, storageClass: typeof wanted === 'string' ? wanted : undefined };
}

/** `there are: fast, standard` */
export function classesWords(classes: readonly KubeObject[]): string {
  const names = classes.map(({ metadata }) => metadata.name).sort();
  if (names.length === 0) return 'the cluster has none';
  return `there ${names.length === 1 ? 'is' : 'are'}: ${names.join(', ')}`;
}

/**
 * Of the classes that are named, those that are not there. Volumes that somebody made by hand, or
 * that are bound already, may be of a class that is no object.
 */
export async function missingClasses(
  api: Api,
  wanted: readonly string[],
  classes: readonly KubeObject[],
  signal?: AbortSignal,
): Promise<string[]> {
  const missing = wanted.filter((name) => !classes.some(({ metadata }) => metadata.name === name));
  if (missing.length === 0) return [];
  const volumes = await listIfAllowed(api, { apiVersion: 'v1', kind: 'PersistentVolume' }, { signal });
  return missing.filter((name) => !(volumes ?? []).some(({ spec }) => spec?.storageClassName === name));
}
