import { configError, refusedError } from '../errors.ts';
import type { ObjectStore, Store } from '../lake/index.ts';
import type { Resolved } from '../resolve/types.ts';
import type { Session } from './session.ts';

/** The object store of a flavour: a component of it, or what it declares under `external`. */
export interface FlavourStore extends ObjectStore {
  name: string;
  /** Whether it runs in the target, so that it is not there when pods are simulated. */
  inTarget: boolean;
}

/**
 * The object store that data goes to: the one that `project.providers` names, else the only one or
 * the preferred one. Undefined when the flavour has none.
 *
 * @throws {DatamillError} AMBIGUOUS_PROVIDER (exit 2).
 */
export function storeOf(resolved: Resolved): FlavourStore | undefined {
  const { components, external, project } = resolved;
  const candidates = components.flatMap(({ name, namespace, provides, spec }) =>
    provides.s3 === undefined
      ? []
      : [{ name, namespace, fields: provides.s3, inTarget: true, preferred: spec.default }],
  );
  if (external.s3 !== undefined)
    candidates.push({
      name: 'external',
      namespace: project.k8s_namespace,
      fields: external.s3,
      inTarget: false,
      preferred: false,
    });
  const wanted = project.providers.s3;
  // With -c the provider need not be among the components.
  if (wanted !== undefined) return candidates.find(({ name }) => name === wanted);
  if (candidates.length < 2) return candidates[0];
  const preferred = candidates.filter((one) => one.preferred);
  if (preferred.length === 1) return preferred[0];
  throw configError(
    'AMBIGUOUS_PROVIDER',
    `data could go to ${candidates.map(({ name }) => name).join(' or ')}`,
    {
      at: { file: resolved.file },
      hint: `choose one: \`project: { providers: { s3: ${candidates[0]!.name} } }\``,
    },
  );
}

/**
 * Opens the object store of a session's flavour.
 *
 * @throws {DatamillError} NO_STORE (exit 2); SIMULATED (exit 3) when nothing runs in its pods.
 */
export async function openFlavourStore(
  session: Session,
  told: { onTrouble?(message: string): void; onBusy?(): void } = {},
): Promise<Store> {
  const { resolved, handle } = session;
  const described = storeOf(resolved);
  if (described === undefined)
    throw configError('NO_STORE', 'the flavour has no object store', {
      at: { file: resolved.file },
      hint: 'add minio to project.flavour, or declare one under `external: { s3: … }`',
    });
  if (described.inTarget && handle.simulated)
    throw refusedError(
      'SIMULATED',
      `${described.name} is simulated on this target: nothing runs in its pods`,
      {
        hint: 'choose a target with real pods: `-t CONTEXT`',
      },
    );
  const { openStore } = await import('../lake/index.ts');
  return await openStore(session.api, described, told);
}
