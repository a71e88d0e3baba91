import { setTimeout as sleep } from 'node:timers/promises';
import { DatamillError, errorMessage } from '../errors.ts';
import type { Finding } from '../kube/diagnose.ts';
import { ownLabels } from '../kube/labels.ts';
import { apply } from '../kube/objects.ts';
import { readiness } from '../kube/ready.ts';
import { type ObjectRef, pathOf, refOf } from '../kube/resources.ts';
import type { KubeObject } from '../kube/types.ts';
import { InstallError } from './failure.ts';
import type { InstallContext } from './install.ts';
import { monitor } from './monitor.ts';
import type { Wanted } from './wanted.ts';

/**
 * Applies the component's own objects and waits until they are ready; their pods are looked at
 * meanwhile, as those of a release are.
 *
 * @throws {InstallError} at once for what will not heal, else after the component's time.
 */
export async function applyObjects(
  { component }: Wanted,
  context: InstallContext,
  tell: (line: string) => void,
): Promise<ObjectRef[]> {
  const since = new Date();
  const deadline = Date.now() + component.timeout * 1000;
  const applied: KubeObject[] = [];
  for (const object of component.objects as unknown as KubeObject[]) {
    const done = await applyOne(object, component, context, deadline);
    if (done !== undefined) applied.push(done);
    else
      context.report({
        type: 'step',
        component: component.name,
        phase: 'objects',
        state: 'skipped',
        message: `${object.kind}/${object.metadata.name}: pods are simulated, so no webhook answers`,
      });
  }
  const refs = applied.map((object) => refOf(object));
  if (refs.length > 0) await untilAllReady({ component, applied, refs, since, deadline }, context, tell);
  return refs;
}

/**
 * An operator that was just installed may not serve its kinds or its webhook yet: both are waited
 * for. On simulated pods no webhook ever answers, and the object is left out.
 */
async function applyOne(
  object: KubeObject,
  component: Wanted['component'],
  { session, signal }: InstallContext,
  deadline: number,
): Promise<KubeObject | undefined> {
  const labels = { ...object.metadata.labels, ...ownLabels(session.identity, component.name) };
  const labelled = { ...object, metadata: { ...object.metadata, labels } };
  for (;;) {
    try {
      const applied = await apply(session.api, labelled, { namespace: component.namespace, signal });
      return { ...applied, apiVersion: object.apiVersion, kind: object.kind };
    } catch (error) {
      const reason = notYet(error);
      if (reason === undefined) throw error;
      if (session.handle.simulated) {
        if (reason === 'webhook') return undefined;
        throw error;
      }
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
 * Which of the two an operator does not have yet; undefined for what waiting does not mend. Some
 * operators register their kinds themselves, so an unknown kind may still come.
 */
function notYet(error: unknown): 'kind' | 'webhook' | undefined {
  if (!(error instanceof DatamillError)) return undefined;
  if (error.code === 'UNKNOWN_KIND') return 'kind';
  return error.message.includes('failed calling webhook') ? 'webhook' : undefined;
}

interface Awaited {
  component: Wanted['component'];
  applied: KubeObject[];
  refs: ObjectRef[];
  since: Date;
  /** Milliseconds since the epoch. */
  deadline: number;
}

async function untilAllReady(
  { component, applied, refs, since, deadline }: Awaited,
  { session, view, signal }: InstallContext,
  tell: (line: string) => void,
): Promise<void> {
  const done = new AbortController();
  const lost = new AbortController();
  const { namespace, release } = component;
  const watched = { api: session.api, view, namespace, release, since, own: applied };
  let fatal: Finding[] = [];
  const watching = monitor(watched, AbortSignal.any([done.signal, signal]), tell, (found) => {
    fatal = found;
    lost.abort();
  });
  try {
    const either = AbortSignal.any([signal, lost.signal]);
    for (const ref of refs) await untilReady(session.api, ref, deadline, either);
  } catch (error) {
    if (fatal.length === 0 || signal.aborted) throw error;
    throw new InstallError(fatal.map(({ object, message }) => `${object}: ${message}`).join('; '), fatal);
  } finally {
    done.abort();
    await watching;
  }
}

async function untilReady(
  api: InstallContext['session']['api'],
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
