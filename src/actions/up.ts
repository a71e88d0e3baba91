import type { CheckResult } from '../check/index.ts';
import { type DatamillError, refusedError } from '../errors.ts';
import { ensureNamespace } from '../kube/namespaces.ts';
import { type Outcome, schedule } from '../plan/schedule.ts';
import type { TargetHandle } from '../targets/contract.ts';
import { Checks, countChecks } from './checks.ts';
import { bringUp, type ComponentResult, type Run } from './component.ts';
import { dropDataClaims } from './data-claim.ts';
import { dataPhase } from './data-phase.ts';
import type { SummaryEvent } from './events.ts';
import type { Failure } from './failure.ts';
import { ClusterView } from './monitor.ts';
import { preflight } from './preflight.ts';
import { prune } from './prune.ts';
import { unwanted } from './removal.ts';
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
  const removed: string[] = [];
  const run: Run = {
    ...{ session, view: new ClusterView(session.api), report, signal, adopt: options.adopt },
    checks: options.check === false ? undefined : new Checks(session, report, signal),
    ...{ results: new Map(), failures: [] },
  };
  const { results, failures, checks } = run;
  await makeNamespaces(session, wanted);
  await makeOwnSecrets(session, own, run);
  const outcomes = await installAll(wanted, run, options.concurrency ?? CONCURRENCY);
  const clean = [...outcomes.values()].every((outcome) => outcome === 'done') && !signal.aborted;
  if (options.prune && clean) removed.push(...(await prune(session, extra, options, signal, failures)));
  if (clean) await dropOldClaims(session, wanted);
  if (clean) failures.push(...(await dataPhase(session, { report, signal, wanted: options.data !== false })));
  const checked = await checks?.results();
  if (clean) failures.push(...(await settleSecrets(own, run, { prune: options.prune ?? false })));
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

/** Along the edges of the graph, several at once. */
async function installAll(
  wanted: readonly Wanted[],
  run: Run,
  concurrency: number,
): Promise<Map<string, Outcome>> {
  const { results, report, signal } = run;
  const byName = new Map(wanted.map((item) => [item.component.name, item]));
  const graph = new Map(wanted.map(({ component }) => [component.name, new Set(component.dependsOn)]));
  return await schedule(graph, (name) => bringUp(byName.get(name)!, run), {
    concurrency,
    signal,
    onSkip: (name, because) => {
      const message = because === undefined ? 'not started' : `${because} is not ready`;
      results.set(name, { component: byName.get(name)!.component, outcome: 'skipped', message, seconds: 0 });
      report({ type: 'step', component: name, phase: 'install', state: 'skipped', message });
    },
  });
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

/** After another path on the nodes, nobody uses the claims of the earlier one. */
async function dropOldClaims(session: Session, wanted: readonly Wanted[]): Promise<void> {
  const { dataMount } = session.resolved;
  const changed = wanted.filter(({ assessment }) => assessment.state !== 'deployed');
  if (dataMount === undefined || changed.length === 0) return;
  await dropDataClaims(
    session,
    wanted.map(({ component }) => component.namespace),
    dataMount,
  );
}
