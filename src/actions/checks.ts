import type { CheckResult, Subject } from '../check/index.ts';
import { type InstallRecord, writeRecord } from '../plan/record.ts';
import type { ResolvedComponent } from '../resolve/types.ts';
import { limiter } from '../util/limit.ts';
import type { CheckCounts, Reporter, StepState } from './events.ts';
import type { Session } from './session.ts';

export type { CheckResult } from '../check/index.ts';

/** Components that are checked at once. */
const AT_ONCE = 4;

/** Checks components beside whatever else is done: several at once, the checks of each in turn. */
export class Checks {
  readonly #session: Pick<Session, 'api' | 'identity' | 'handle'>;
  readonly #report: Reporter;
  readonly #signal: AbortSignal | undefined;
  readonly #limit = limiter(AT_ONCE);
  readonly #begun: Array<Promise<CheckResult[]>> = [];

  constructor(session: Pick<Session, 'api' | 'identity' | 'handle'>, report: Reporter, signal?: AbortSignal) {
    this.#session = session;
    this.#report = report;
    this.#signal = signal;
  }

  /**
   * Begins the checks of a component; `results` waits for them.
   *
   * @param record where it is noted that all of them have passed.
   */
  begin(component: ResolvedComponent, record?: InstallRecord): void {
    if (component.checks.length === 0) return;
    const skipped = this.#session.handle.simulated ? 'pods are simulated' : undefined;
    if (skipped !== undefined) this.skip(component, skipped);
    else this.#begun.push(this.#limit(() => this.#checkAll(component, record)));
  }

  /** Notes that the checks of a component cannot be made. */
  skip({ name: component, checks }: ResolvedComponent, why: string): void {
    for (const { name } of checks) this.#step(component, 'skipped', `${name}: ${why}`);
    this.#settle(component, checks, 'skipped', why);
  }

  /** Notes that the checks of a component are bound to fail. */
  fail({ name: component, checks }: ResolvedComponent, why: string): void {
    for (const { name } of checks) this.#step(component, 'failed', `${name}: ${why}`);
    this.#settle(component, checks, 'failed', why);
  }

  /** What became of all checks, in the order in which they were begun. */
  async results(): Promise<CheckResult[]> {
    return (await Promise.all(this.#begun)).flat();
  }

  #settle(
    component: string,
    checks: ResolvedComponent['checks'],
    result: CheckResult['result'],
    message: string,
  ): void {
    const all = checks.map(({ name }) => ({ component, name, result, seconds: 0, message }));
    this.#begun.push(Promise.resolve(all));
  }

  async #checkAll(component: ResolvedComponent, record?: InstallRecord): Promise<CheckResult[]> {
    const { api, identity } = this.#session;
    const { name, namespace, provides, checks } = component;
    const subject: Subject = { api, identity, component: name, namespace, provides };
    const { runCheck } = await import('../check/index.ts');
    const results: CheckResult[] = [];
    for (const check of checks) {
      const tell = (message: string) => this.#step(name, 'running', `${check.name}: ${message}`);
      if (!this.#signal?.aborted) tell('begins');
      const result = await runCheck(subject, check, { signal: this.#signal, tell });
      results.push(result);
      this.#step(name, stateOf(result), `${check.name}: ${result.message}`);
    }
    const passed = results.filter(({ result }) => result === 'passed').length;
    if (checks.length > 1) {
      const worst = results.find(({ result }) => result !== 'passed');
      const state = worst === undefined ? 'done' : stateOf(worst);
      this.#step(name, state, `${passed} of ${checks.length} checks passed`);
    }
    if (passed === checks.length && record?.unchecked)
      await writeRecord(api, identity, { ...record, unchecked: undefined });
    return results;
  }

  #step(component: string, state: StepState, message: string): void {
    this.#report({ type: 'step', component, phase: 'check', state, message });
  }
}

function stateOf({ result }: CheckResult): StepState {
  return result === 'passed' ? 'done' : result;
}

export function countChecks(results: readonly CheckResult[]): CheckCounts {
  const count = { passed: 0, failed: 0, skipped: 0 };
  for (const { result } of results) count[result]++;
  return count;
}
