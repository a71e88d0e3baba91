import type { KubeObject } from '../kube/types.ts';
import { type Observation, ok, unknown, warning, wrong } from './observation.ts';
import { type ClaimWanted, classesWords, isDefaultClass } from './storage.ts';

/** A claim, and the component that makes it. */
export interface PlacedClaim extends ClaimWanted {
  component: string;
}

/**
 * Whether the claims of the flavour find a storage class.
 *
 * @param classes undefined without the right to list them
 * @param missing classes that are named, and are not there, nor volumes of them
 */
export function examineStorage(
  claims: readonly PlacedClaim[],
  classes: readonly KubeObject[] | undefined,
  missing: readonly string[],
): Observation[] {
  if (classes === undefined)
    return [
      unknown('the storage classes: this user may not list them', {
        remedy: 'docs/rights.md names the right',
      }),
    ];
  const found: Observation[] = [];
  const defaults = classes.filter(isDefaultClass).map(({ metadata }) => metadata.name);
  for (const { name, storageClass, component } of claims) {
    if (storageClass !== undefined && missing.includes(storageClass))
      found.push(
        wrong(
          `${component}: the claim ${name} names the storage class "${storageClass}", which does not exist; ${classesWords(classes)}`,
          { remedy: `choose another: \`${component}: { storage_class: … }\`` },
        ),
      );
    if (storageClass === undefined && defaults.length === 0)
      found.push(
        wrong(
          `${component}: the claim ${name} names no storage class, and the cluster has no default one; ${classesWords(classes)}`,
          {
            remedy:
              classes[0] === undefined
                ? 'install a provisioner, such as local-path-provisioner'
                : `\`kubectl annotate storageclass ${classes[0].metadata.name} storageclass.kubernetes.io/is-default-class=true\`, or \`${component}: { storage_class: … }\``,
          },
        ),
      );
  }
  if (defaults.length > 1)
    found.push(
      warning(
        `there are ${defaults.length} default storage classes: ${defaults.join(', ')}; the newest one is used`,
        {
          remedy: `\`kubectl annotate storageclass ${defaults[0]} storageclass.kubernetes.io/is-default-class-\``,
        },
      ),
    );
  if (found.length > 0) return found;
  const words = classes.map(
    (one) =>
      `${one.metadata.name}${isDefaultClass(one) ? ', the default' : ''} (${String(one.provisioner)}, ${String(one.volumeBindingMode ?? 'Immediate')})`,
  );
  const wanted =
    claims.length === 0
      ? 'the flavour makes no claims'
      : `${claims.length} ${claims.length === 1 ? 'claim finds its' : 'claims find their'} storage class`;
  return [ok(wanted, { where: words.join('; ') })];
}
