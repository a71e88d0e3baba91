import { manifestObjects, readRelease } from '../helm/releases.ts';
import type { KubeObject } from '../kube/types.ts';
import type { ComponentState } from '../plan/assess.ts';
import { type Change, diffObjects } from '../plan/diff.ts';
import { driftOf } from '../plan/drift.ts';
import type { Command, TargetState } from '../targets/contract.ts';
import { driverFor } from '../targets/index.ts';
import { limiter } from '../util/limit.ts';
import { unwanted } from './removal.ts';
import { renderChart } from './render.ts';
import { maskLiterals, valuesForPlan } from './secrets-literal.ts';
import { type OwnSecrets, planOwnSecrets, prepareSecrets } from './secrets-own.ts';
import {
  type ActionOptions,
  openResolved,
  refuseUnavailable,
  resolveForTarget,
  type Session,
  targetIO,
  targetSpec,
} from './session.ts';
import { compareWithCluster, type Wanted } from './wanted.ts';

export type PlanAction = 'install' | 'upgrade' | 'reapply' | 'none' | 'uninstall' | 'adopt' | 'repair';

export interface PlanStep {
  component: string;
  action: PlanAction;
  reason: string;
  changes: Change[];
}

export interface PlanResult {
  steps: PlanStep[];
  summary: Record<'install' | 'upgrade' | 'reapply' | 'none' | 'uninstall' | 'adopt' | 'repair', number>;
  /** Set when the target is not there yet: everything would be installed. */
  target: {
    driver: string;
    state: TargetState;
    commands: string[][];
    /** The commands with what each does and reads. */
    steps: Command[];
    /** What will be paid for. */
    costs: string[];
  };
}

const ACTIONS: Record<ComponentState, PlanAction> = {
  absent: 'install',
  deployed: 'none',
  outdated: 'upgrade',
  drifted: 'reapply',
  pending: 'repair',
  failed: 'upgrade',
  foreign: 'adopt',
};
/** Renders at once: each is a helm process. */
const RENDERS = 4;

/** What `up` would do and why, down to single fields; nothing is changed, no lock is taken. */
export async function plan(options: ActionOptions): Promise<PlanResult> {
  const { resolved, target } = resolveForTarget(options);
  refuseUnavailable(resolved);
  const own = await prepareSecrets(resolved, options);
  const driver = driverFor(target.driver);
  const spec = targetSpec(target, resolved);
  const io = targetIO(options);
  const state = await driver.status(spec, io);
  const steps = state === 'running' ? [] : await driver.plan(spec, io);
  const place = {
    driver: driver.name,
    state,
    commands: steps.map(({ command }) => [...command]),
    steps,
    costs: state === 'absent' ? driver.costs(spec) : [],
  };
  if (state !== 'running') {
    const installs = resolved.components.map(
      ({ name }): PlanStep => ({
        component: name,
        action: 'install',
        reason: `the target is ${state}`,
        changes: [],
      }),
    );
    if (own.size > 0)
      installs.unshift({
        component: 'secrets',
        action: 'install',
        reason: `the target is ${state}`,
        changes: [],
      });
    return { steps: installs, summary: count(installs), target: place };
  }
  const session = await openResolved(resolved, target, options, 'connect');
  try {
    const { wanted, live } = await compareWithCluster(session, options.signal);
    const limit = limiter(RENDERS);
    const changes = await Promise.all(wanted.map((item) => stepOf(item, session, limit, options.signal)));
    changes.unshift(...(await ownStep(session, own)));
    const extra = options.components?.length ? [] : unwanted(live, session);
    const removed = extra.map(
      ({ component }): PlanStep => ({
        component,
        action: 'uninstall',
        reason: 'not in the flavour; `up --prune` removes it',
        changes: [],
      }),
    );
    return {
      steps: [...changes, ...removed],
      summary: count([...changes, ...removed]),
      target: place,
    };
  } finally {
    session.close();
  }
}

async function stepOf(
  { component, chart, assessment }: Wanted,
  session: Session,
  limit: <T>(task: () => Promise<T>) => Promise<T>,
  signal?: AbortSignal,
): Promise<PlanStep> {
  const { api, helmTarget } = session;
  const { name, release, namespace } = component;
  const { revision } = assessment;
  const content = revision === undefined ? undefined : await readRelease(api, namespace, revision.secret);
  const action = ACTIONS[assessment.state];
  if (chart === undefined) return { component: name, action, reason: assessment.message, changes: [] };
  if (action === 'install' || action === 'upgrade' || action === 'adopt' || content === undefined) {
    const manifest = await limit(async () =>
      renderChart(await session.helm(), helmTarget, component, chart, {
        upgrade: content !== undefined,
        values: await valuesForPlan(api, component),
        signal,
      }),
    );
    // The definitions of custom kinds may not be there yet, so nothing is asked of the API server.
    const after = inNamespace(manifestObjects(manifest), namespace);
    const before = content === undefined ? [] : inNamespace(manifestObjects(content.manifest), namespace);
    return {
      component: name,
      action,
      reason: assessment.message,
      changes: maskLiterals(component, diffObjects(before, after)),
    };
  }
  // Its values are only hidden in what is shown once they are known.
  await valuesForPlan(api, component);
  const changes = maskLiterals(component, await driftOf(api, namespace, release, content));
  if (action === 'none' && changes.length > 0)
    return { component: name, action: 'reapply', reason: 'it was changed in the cluster', changes };
  if (action === 'none' && !assessment.ready)
    return { component: name, action: 'reapply', reason: assessment.message, changes };
  return { component: name, action, reason: assessment.message || 'unchanged', changes };
}

/** The flavour's own Secrets, as a step beside those of the components. */
async function ownStep(session: Session, own: OwnSecrets): Promise<PlanStep[]> {
  if (own.size === 0) return [];
  const changes = await planOwnSecrets(session, own);
  const step = { component: 'secrets', changes };
  if (changes.length === 0) return [{ ...step, action: 'none', reason: 'unchanged' }];
  const fresh = changes.every(({ before }) => before === undefined);
  return [{ ...step, action: fresh ? 'install' : 'upgrade', reason: "the flavour's own secrets" }];
}

function inNamespace(objects: KubeObject[], namespace: string): KubeObject[] {
  return objects.map((object) => ({ ...object, metadata: { namespace, ...object.metadata } }));
}

function count(steps: readonly PlanStep[]): PlanResult['summary'] {
  const summary = { install: 0, upgrade: 0, reapply: 0, none: 0, uninstall: 0, adopt: 0, repair: 0 };
  for (const { action } of steps) summary[action]++;
  return summary;
}
