import { setTimeout as sleep } from 'node:timers/promises';
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
  const { session, signal } = context;
  const since = new Date();
  const applied: KubeObject[] = [];
  for (const object of component.objects as unknown as KubeObject[]) {
    const labels = { ...object.metadata.labels, ...ownLabels(session.identity, component.name) };
    const done = await apply(
      session.api,
      { ...object, metadata: { ...object.metadata, labels } },
      { namespace: component.namespace, signal },
    );
    applied.push({ ...done, apiVersion: object.apiVersion, kind: object.kind });
  }
  const refs = applied.map((object) => refOf(object));
  if (refs.length > 0) await untilAllReady({ component, applied, refs, since }, context, tell);
  return refs;
}

interface Awaited {
  component: Wanted['component'];
  applied: KubeObject[];
  refs: ObjectRef[];
  since: Date;
}

async function untilAllReady(
  { component, applied, refs, since }: Awaited,
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
  const deadline = Date.now() + component.timeout * 1000;
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
