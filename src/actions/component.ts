import { errorMessage } from '../errors.ts';
import { readRelease } from '../helm/releases.ts';
import { copySecret } from '../kube/secrets.ts';
import { driftOf } from '../plan/drift.ts';
import type { ResolvedComponent } from '../resolve/types.ts';
import type { Checks } from './checks.ts';
import { explain, type Failure, InstallError } from './failure.ts';
import { type InstallContext, installComponent } from './install.ts';
import { abortError } from './run.ts';
import type { Session } from './session.ts';
import type { Wanted } from './wanted.ts';

/** What became of one component. */
export interface ComponentResult {
  component: ResolvedComponent;
  outcome: 'installed' | 'upgraded' | 'unchanged' | 'failed' | 'skipped';
  message: string;
  seconds: number;
}

/** What the steps of a run share, and what becomes of the components. */
export interface Run extends InstallContext {
  /** Undefined when they were not asked for. */
  checks?: Checks;
  results: Map<string, ComponentResult>;
  failures: Failure[];
}

/** Brings one component to what is wanted, if it is not so already; tells whether it is there then. */
export async function bringUp(item: Wanted, run: Run): Promise<boolean> {
  const { component } = item;
  const { session, checks, signal } = run;
  const begun = Date.now();
  const finish = (outcome: ComponentResult['outcome'], message: string) => {
    run.results.set(component.name, { component, outcome, message, seconds: (Date.now() - begun) / 1000 });
    const state = outcome === 'failed' ? 'failed' : 'done';
    run.report({ type: 'step', component: component.name, phase: 'install', state, message });
  };
  try {
    if (await isUnchanged(item, session)) {
      const copied = await refreshCopies(item, session);
      if (copied.length > 0) finish('upgraded', `copied again: ${copied.join(', ')}`);
      else finish('unchanged', 'unchanged');
      const { record } = item.assessment;
      if (copied.length > 0 || record?.unchecked) checks?.begin(component, record);
      return true;
    }
    const record = await installComponent(item, run);
    const outcome = item.assessment.state === 'absent' ? 'installed' : 'upgraded';
    finish(outcome, outcome === 'installed' ? outcome : `${outcome}: ${item.assessment.message}`);
    // What depends on the component does not wait for its checks.
    checks?.begin(component, record);
    return true;
  } catch (error) {
    if (signal.aborted) {
      finish('failed', errorMessage(abortError(signal)));
      return false;
    }
    const failure = await explainFailure(error, item, run, new Date(begun));
    run.failures.push(failure);
    finish('failed', firstLine(failure));
    return false;
  }
}

/**
 * Unchanged is what has the same inputs and revision, is all there and ready, and was not written
 * to; where somebody wrote, a closer look tells whether it matters.
 */
async function isUnchanged({ component, assessment }: Wanted, { api }: Session): Promise<boolean> {
  if (assessment.state !== 'deployed' || !assessment.ready) return false;
  if (assessment.suspects.length === 0) return true;
  if (assessment.revision === undefined) return false;
  const content = await readRelease(api, component.namespace, assessment.revision.secret);
  if (content === undefined) return false;
  const changes = await driftOf(api, component.namespace, component.release, content, assessment.suspects);
  if (changes.length > 0)
    assessment.message = `${changes[0]!.kind}/${changes[0]!.name} was changed in the cluster`;
  return changes.length === 0;
}

/** A provider's Secret may have changed since it was copied. */
async function refreshCopies({ component }: Wanted, { api, identity }: Session): Promise<string[]> {
  const copied: string[] = [];
  for (const { name, from } of component.copies)
    if (await copySecret(api, identity, component.name, name, from, component.namespace)) copied.push(name);
  return copied;
}

async function explainFailure(
  error: unknown,
  { component }: Wanted,
  { session, view }: Run,
  since: Date,
): Promise<Failure> {
  const { kubeconfig, context } = session.handle;
  const known = error instanceof InstallError ? error.findings : [];
  const watched =
    error instanceof InstallError
      ? {
          api: session.api,
          view,
          namespace: component.namespace,
          release: component.release,
          since,
        }
      : undefined;
  return await explain(
    component.name,
    error,
    watched,
    `kubectl --kubeconfig ${kubeconfig} --context ${context}`,
    known,
  );
}

function firstLine({ findings, message }: Failure): string {
  const worst = findings.find(({ severity }) => severity === 'error') ?? findings[0];
  return worst === undefined ? message : `${worst.object}: ${worst.message}`;
}
