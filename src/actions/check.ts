import type { CheckResult } from '../check/index.ts';
import { type Assessment, assess } from '../plan/assess.ts';
import { readLive } from '../plan/live.ts';
import type { ResolvedComponent } from '../resolve/types.ts';
import { driverFor } from '../targets/index.ts';
import { Checks } from './checks.ts';
import { abortError } from './run.ts';
import { type ActionOptions, openResolved, resolveForTarget } from './session.ts';

export interface CheckReport {
  flavour: string;
  namespace: string;
  /** Whether the pods of the target are simulated: then nothing could be checked. */
  simulated: boolean;
  checks: CheckResult[];
  /** Components that declare no checks. */
  unchecked: string[];
}

/**
 * Uses every service of a flavour, or those that are named, as their components declare.
 *
 * @throws {DatamillError} when the target cannot be reached; checks that fail are in the result.
 */
export async function check(options: ActionOptions): Promise<CheckReport> {
  const { resolved, target } = resolveForTarget({ ...options, only: true });
  const { components } = resolved;
  const driver = driverFor(target.driver);
  const report = {
    flavour: resolved.flavour,
    namespace: resolved.project.k8s_namespace,
    simulated: driver.simulated,
    unchecked: components.filter(({ checks }) => checks.length === 0).map(({ name }) => name),
  };
  // No need for a simulated target to be there, for nothing can be checked in it.
  if (driver.simulated) return { ...report, checks: components.flatMap(skipped) };
  const session = await openResolved(resolved, target, options, 'connect');
  try {
    const { api, identity, handle } = session;
    const namespaces = components.map(({ namespace }) => namespace);
    const live = await readLive(api, identity, namespaces, options.signal);
    const run = new Checks(session, options.report, options.signal);
    for (const component of components) {
      const problem = obstacle(assess(component, undefined, live, identity));
      if (problem === undefined) run.begin(component);
      else run.fail(component, problem);
    }
    const checks = await run.results();
    if (options.signal?.aborted) throw abortError(options.signal);
    return { ...report, simulated: handle.simulated, checks };
  } finally {
    session.close();
  }
}

function skipped({ name: component, checks }: ResolvedComponent): CheckResult[] {
  return checks.map(({ name }) => ({
    component,
    name,
    result: 'skipped',
    seconds: 0,
    message: 'pods are simulated',
  }));
}

/** Why there is nothing to be used; what is there is used, also when it is out of date. */
function obstacle({ state, message }: Assessment): string | undefined {
  switch (state) {
    case 'absent':
      return 'it is not installed';
    case 'foreign':
      return message;
    case 'pending':
      return `it is being installed, or a run was cut short (${message})`;
    default:
      return undefined;
  }
}
