import { setTimeout as sleep } from 'node:timers/promises';
import { DatamillError, errorMessage } from '../errors.ts';
import { isFault } from '../kube/errors.ts';
import { ownLabels } from '../kube/labels.ts';
import { apply } from '../kube/objects.ts';
import { readiness } from '../kube/ready.ts';
import { type ObjectRef, pathOf, refOf } from '../kube/resources.ts';
import type { KubeObject } from '../kube/types.ts';
import type { InstallContext } from './install.ts';
import { InstallError } from './install-error.ts';
import type { Session } from './session.ts';
import type { Wanted } from './wanted.ts';

/** Applies the component's own objects and waits until they are ready. */
export async function applyObjects(wanted: Wanted, context: InstallContext): Promise<ObjectRef[]> {
  const { component } = wanted;
  const { session, signal, report } = context;
  const deadline = Date.now() + component.timeout * 1000;
  const refs: ObjectRef[] = [];
  for (const object of component.objects as unknown as KubeObject[]) {
    const applied = await applyOne(object, wanted, context, deadline);
    if (applied !== undefined) refs.push(applied);
    else
      report({
        type: 'step',
        component: component.name,
        phase: 'objects',
        state: 'skipped',
        message: `${object.kind}/${object.metadata.name}: pods are simulated, so no webhook answers`,
      });
  }
  for (const ref of refs) await untilReady(session, ref, deadline, signal);
  return refs;
}

/**
 * An operator that was just installed may not serve its kinds or its webhook yet: both are waited
 * for. On simulated pods no webhook ever answers, and the object is left out.
 */
async function applyOne(
  object: KubeObject,
  { component }: Wanted,
  { session, signal }: InstallContext,
  deadline: number,
): Promise<ObjectRef | undefined> {
  const labels = { ...object.metadata.labels, ...ownLabels(session.identity, component.name) };
  const labelled = { ...object, metadata: { ...object.metadata, labels } };
  for (;;) {
    try {
      const applied = await apply(session.api, labelled, {
        namespace: component.namespace,
        signal,
        // Whether a fault heals is judged here.
        retryFor: 0,
      });
      return refOf({ ...applied, apiVersion: object.apiVersion, kind: object.kind });
    } catch (error) {
      const reason = notYet(error);
      if (reason === undefined) throw error;
      if (session.handle.simulated && reason === 'webhook') return undefined;
      if (session.handle.simulated && reason === 'kind') throw error;
      if (Date.now() > deadline)
        throw new InstallError(
          `${object.kind}/${object.metadata.name} cannot be applied: ${errorMessage(error)}`,
          [],
        );
      await sleep(1000, undefined, { signal });
    }
  }
}

/**
 * What is not there yet; undefined for what waiting does not mend. Some operators register their
 * kinds themselves, so an unknown kind may still come.
 */
function notYet(error: unknown): 'kind' | 'webhook' | 'server' | undefined {
  if (!(error instanceof DatamillError)) return undefined;
  if (error.code === 'UNKNOWN_KIND') return 'kind';
  if (error.message.includes('failed calling webhook')) return 'webhook';
  return isFault(error) ? 'server' : undefined;
}

async function untilReady(
  { api }: Session,
  ref: ObjectRef,
  deadline: number,
  signal: AbortSignal,
): Promise<void> {
  const path = await pathOf(api, ref);
  for (;;) {
    const object = await api.get<KubeObject>(path, { signal });
    const state = readiness({ ...object, apiVersion: ref.apiVersion, kind: ref.kind });
    if (state.ready) return;
    if (state.failed || Date.now() > deadline)
      throw new InstallError(`${ref.kind}/${ref.name} is not ready: ${state.message}`, []);
    await sleep(500, undefined, { signal });
  }
}
