import type { Reporter } from '../actions/events.ts';
import { abortError, summarise } from '../actions/run.ts';
import type { CommandIO } from './runtime.ts';

/**
 * What an action gives. One that is interrupted before it has anything to give still ends its
 * events with a summary, as one that is interrupted later does.
 *
 * @throws {DatamillError} INTERRUPTED, after the summary.
 */
export async function orInterrupted<T>(io: CommandIO, report: Reporter, work: Promise<T>): Promise<T> {
  const started = Date.now();
  try {
    return await work;
  } catch (error) {
    if (!io.signal.aborted) throw error;
    report(summarise([], { simulated: false, started, interrupted: true }));
    throw abortError(io.signal);
  }
}
