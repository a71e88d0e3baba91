import { DatamillError, ExitCode, interruptedError } from '../errors.ts';
import { holderName } from '../kube/holder.ts';
import { acquireLock, type Lock } from '../kube/lease.ts';
import { ensureNamespace } from '../kube/namespaces.ts';
import { endOrphans, RUN_VARIABLE } from '../util/orphans.ts';
import type { CheckCounts, Reporter, StepState, SummaryEvent } from './events.ts';
import type { Session } from './session.ts';

export interface LockedOptions {
  report: Reporter;
  signal?: AbortSignal;
  /** Wait for another holder of the lock. */
  waitLock?: boolean;
}

/**
 * Runs work that changes the cluster under the lock of the flavour's namespace. The work's signal
 * fires when the user interrupts and when the lock is lost.
 */
export async function locked<T>(
  session: Session,
  options: LockedOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { api, identity } = session;
  await ensureNamespace(api, identity.namespace, identity);
  const lost = new AbortController();
  const tell = (message: string, state: StepState = 'waiting') =>
    options.report({ type: 'step', phase: 'lock', state, message });
  process.env[RUN_VARIABLE] = holderName();
  const lock: Lock = await acquireLock(api, identity, {
    wait: options.waitLock ?? false,
    signal: options.signal,
    onWait: (holder) => tell(`waiting for ${holder}`),
    onLost: (error) => lost.abort(error),
    onSilence: (silent) =>
      silent
        ? tell('the API server does not answer; waiting for it')
        : tell('the API server answers again', 'running'),
    onTakeOver: async (holder) => {
      tell(`taking over from ${holder}, which is gone`);
      await endOrphans(holder);
    },
  });
  try {
    const signal =
      options.signal === undefined ? lost.signal : AbortSignal.any([options.signal, lost.signal]);
    const result = await work(signal);
    if (lost.signal.aborted) throw lost.signal.reason;
    return result;
  } finally {
    await lock.release();
  }
}

/** Counts what became of the components. */
export function summarise(
  outcomes: Iterable<string>,
  facts: { simulated: boolean; started: number; interrupted: boolean; checks?: CheckCounts },
): SummaryEvent {
  const count = { installed: 0, upgraded: 0, unchanged: 0, removed: 0, failed: 0, skipped: 0 };
  for (const outcome of outcomes) if (outcome in count) count[outcome as keyof typeof count]++;
  const failed = count.failed + count.skipped + (facts.checks?.failed ?? 0) > 0;
  const result = facts.interrupted ? 'interrupted' : failed ? 'failed' : 'ok';
  return {
    type: 'summary',
    result,
    simulated: facts.simulated,
    ...count,
    checks: facts.checks,
    seconds: Math.round((Date.now() - facts.started) / 100) / 10,
  };
}

/** The error that an aborted signal stands for. */
export function abortError(signal: AbortSignal): DatamillError {
  return signal.reason instanceof DatamillError ? signal.reason : interruptedError();
}

export function exitCodeOf(summary: SummaryEvent): number {
  return summary.result === 'ok' ? ExitCode.done : ExitCode.failed;
}
