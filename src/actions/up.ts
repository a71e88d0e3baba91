import type { CheckResult } from '../check/index.ts';
import { type DatamillError, errorMessage, refusedError } from '../errors.ts';
import { readRelease } from '../helm/releases.ts';
import { ensureNamespace } from '../kube/namespaces.ts';
import { copySecret } from '../kube/secrets.ts';
import { driftOf } from '../plan/drift.ts';
import { type Outcome, schedule } from '../plan/schedule.ts';
import type { ResolvedComponent } from '../resolve/types.ts';
import type { TargetHandle } from '../targets/contract.ts';
import { Checks, countChecks } from './checks.ts';
import { dataPhase } from './data-phase.ts';
import type { SummaryEvent } from './events.ts';
import { explain, type Failure } from './failure.ts';
import { installComponent } from './install.ts';
import { InstallError } from './install-error.ts';
import { ClusterView } from './monitor.ts';
import { preflight } from './preflight.ts';
import { type Removable, removalGraph, removeComponent, unwanted } from './removal.ts';
import { abortError, type LockedOptions, locked, summarise } from './run.ts';
import { makeOwnSecrets, type OwnSecrets, prepareSecrets, settleSecrets } from './secrets-own.ts';
import {
  type ActionOptions,
  openResolved,
  refuseUnavailable,
  resolveForTarget,
  type Session,
} from './session.ts';
import { compareWithCluster, type Wanted } from './wanted.ts';

export interface UpOptions extends ActionOptions, LockedOptions {
  /** Components at once. */
  concurrency?: number;
  /** Go on where the preflight finds rights, room or storage classes missing. */
  force?: boolean;
  /** Uninstall what the flavour no longer names. */
  prune?: boolean;
  /** Use what was installed or changed; true by default. */
  check?: boolean;
  /** Send what changed in the data folder; true by default. */
  data?: boolean;
}

/** What became of one component. */
export interface ComponentResult {
  component: ResolvedComponent;
  outcome: 'installed' | 'upgraded' | 'unchanged' | 'failed' | 'skipped';
  message: string;
  seconds: number;
}

export interface UpResult {
  summary: SummaryEvent;
  components: ComponentResult[];
  removed: string[];
  /** Of ours in the cluster, but not in the flavour, and not pruned. */
  leftover: string[];
  failures: Failure[];
  /** Undefined when they were not asked for. */
  checks?: CheckResult[];
  target: TargetHandle & { kubernetes: string };
  /** Set when the run was interrupted or lost its lock. */
  error?: DatamillError;
  flavour: string;
  namespace: string;
}

/** Components at once when nobody says otherwise: most of the time of each goes into waiting for pods. */
const CONCURRENCY = 8;

/**
 * Brings the cluster to what the flavour says: makes or reaches the target, takes the lock,
 * repairs what was cut short, installs along the edges of the graph, prunes if asked.
 *
 * @throws {DatamillError} when nothing could be begun; failures of components are in the result.
 */
export async function up(options: UpOptions): Promise<UpResult> {
  const started = Date.now();
  const { resolved, target } = resolveForTarget(options);
  // Before the target is started: what is refused touches nothing.
  refuseUnavailable(resolved);
  const own = await prepareSecrets(resolved, options);
  const session = await openResolved(resolved, target, options, 'start');
  try {
    await preflight(session, options);
    return await locked(session, options, (signal) => converge(session, own, options, signal, started));
  } finally {
    session.close();
  }
}

async function converge(
  session: Session,
  own: OwnSecrets,
  options: UpOptions,
  signal: AbortSignal,
  started: number,
): Promise<UpResult> {
  const { report } = options;
  const { wanted, live } = await compareWithCluster(session, signal);
  refuseForeign(wanted, options.adopt ?? false);
  const extra = options.components?.length ? [] : unwanted(live, session);
  const results = new Map<string, ComponentResult>();
  const failures: Failure[] = [];
  const removed: string[] = [];
  const view = new ClusterView(session.api);
  const context = { session, view, report, signal, adopt: options.adopt };
  const checks = options.check === false ? undefined : new Checks(session, report, signal);
  await makeNamespaces(session, wanted);
  await makeOwnSecrets(session, own, context);
  const byName = new Map(wanted.map((item) => [item.component.name, item]));
  const graph = new Map(wanted.map(({ component }) => [component.name, new Set(component.dependsOn)]));
  const run = async (name: string): Promise<boolean> => {
    const item = byName.get(name)!;
    const { component } = item;
    const begun = Date.now();
    const finish = (outcome: ComponentResult['outcome'], message: string) => {
      results.set(name, { component, outcome, message, seconds: (Date.now() - begun) / 1000 });
      const state = outcome === 'failed' ? 'failed' : 'done';
      report({ type: 'step', component: name, phase: 'install', state, message });
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
      const record = await installComponent(item, context);
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
      const failure = await explainFailure(error, item, context, new Date(begun));
      failures.push(failure);
      finish('failed', firstLine(failure));
      return false;
    }
  };
  const outcomes: Map<string, Outcome> = await schedule(graph, run, {
    concurrency: options.concurrency ?? CONCURRENCY,
    signal,
    onSkip: (name, because) => {
      const message = because === undefined ? 'not started' : `${because} is not ready`;
      results.set(name, { component: byName.get(name)!.component, outcome: 'skipped', message, seconds: 0 });
      report({ type: 'step', component: name, phase: 'install', state: 'skipped', message });
    },
  });
  const clean = [...outcomes.values()].every((outcome) => outcome === 'done') && !signal.aborted;
  if (options.prune && clean) removed.push(...(await prune(session, extra, options, signal, failures)));
  if (clean) failures.push(...(await dataPhase(session, { report, signal, wanted: options.data !== false })));
  const checked = await checks?.results();
  if (clean) failures.push(...(await settleSecrets(own, context, { prune: options.prune ?? false })));
  const summary = summarise(
    [
      ...[...results.values()].map(({ outcome }) => outcome),
      ...removed.map(() => 'removed'),
      ...failures.filter(({ component }) => !results.has(component)).map(() => 'failed'),
    ],
    {
      simulated: session.handle.simulated,
      started,
      interrupted: signal.aborted,
      checks: checked && countChecks(checked),
    },
  );
  return {
    summary,
    components: wanted.map(({ component }) => results.get(component.name)!),
    removed,
    leftover: extra.map(({ component }) => component).filter((name) => !removed.includes(name)),
    failures,
    checks: checked,
    target: { ...session.handle, kubernetes: session.kubernetes },
    error: signal.aborted ? abortError(signal) : undefined,
    flavour: session.resolved.flavour,
    namespace: session.identity.namespace,
  };
}

/** A release of somebody else is not touched: everything is refused before anything is done. */
function refuseForeign(wanted: readonly Wanted[], adopt: boolean): void {
  if (adopt) return;
  const errors = wanted
    .filter(({ assessment }) => assessment.state === 'foreign')
    .map(({ component, assessment }) =>
      refusedError('FOREIGN_RELEASE', `${component.name}: ${assessment.message}`, {
        hint: `give it another name (\`${component.name}: { release: … }\`), or take the release over with --adopt`,
      }),
    );
  const [first, ...others] = errors;
  if (first !== undefined) throw refusedError(first.code, first.message, { hint: first.hint, others });
}

async function makeNamespaces({ api, identity }: Session, wanted: readonly Wanted[]): Promise<void> {
  const names = new Set(wanted.map(({ component }) => component.namespace));
  names.delete(identity.namespace);
  for (const name of names) await ensureNamespace(api, name, identity);
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
  { session, view }: { session: Session; view: ClusterView },
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

async function prune(
  session: Session,
  extra: readonly Removable[],
  options: UpOptions,
  signal: AbortSignal,
  failures: Failure[],
): Promise<string[]> {
  const removed: string[] = [];
  const byName = new Map(extra.map((item) => [item.component, item]));
  await schedule(
    removalGraph(extra, new Map()),
    async (name) => {
      const step = { type: 'step', component: name, phase: 'uninstall' } as const;
      options.report({ ...step, state: 'running', message: 'no longer in the flavour' });
      try {
        await removeComponent(session, byName.get(name)!, signal);
        removed.push(name);
        options.report({ ...step, state: 'done', message: 'removed' });
        return true;
      } catch (error) {
        failures.push({
          component: name,
          message: errorMessage(error),
          findings: [],
          logs: [],
          commands: [],
        });
        options.report({ ...step, state: 'failed', message: errorMessage(error) });
        return false;
      }
    },
    { concurrency: CONCURRENCY, signal, onSkip: () => undefined },
  );
  return removed;
}
