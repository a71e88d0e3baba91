import { unreachableError } from '../errors.ts';
import {
  createLog,
  type LogEvent,
  openQueue,
  type QueueSettings,
  type RunnerSettings,
  type RunnerStatus,
  startRunner,
} from '../runner/index.ts';

export type { LogEvent, QueueSettings, RunnerSettings } from '../runner/index.ts';

/** Serves queues until the signal fires. */
export async function start(
  settings: RunnerSettings,
  { signal, report }: { signal: AbortSignal; report(event: LogEvent): void },
): Promise<{ taken: number }> {
  return await startRunner(settings, { signal, log: createLog(report) });
}

/** Puts a request on a queue. */
export { submitRequest as submit } from '../runner/index.ts';

/** Attempts by their metadata. */
export { listExperiments as experiments } from '../runner/index.ts';

/**
 * Asks a runner how it is.
 *
 * @param address as its `--prom-address`: `[host]:port`.
 * @throws {DatamillError} RUNNER_UNREACHABLE (exit 4).
 */
export async function status(address: string): Promise<RunnerStatus> {
  const at = address.startsWith(':') ? `127.0.0.1${address}` : address;
  try {
    const response = await fetch(`http://${at}/status`, { signal: AbortSignal.timeout(10_000) });
    return (await response.json()) as RunnerStatus;
  } catch (error) {
    throw unreachableError('RUNNER_UNREACHABLE', `no runner answers at ${at}`, {
      cause: error,
      hint: 'does it run, and is its --prom-address this one?',
    });
  }
}

export interface Letter {
  id: string;
  reason: string;
  attempts: number;
  host: string;
  time: string;
  tail: string;
}

/** Messages of a queue that were put aside. */
export async function deadLetters(queue: string, settings: QueueSettings): Promise<Letter[]> {
  const queues = await openQueue(queue, settings);
  try {
    return (await queues.dead(queue)).map(({ body: _, ...letter }) => letter);
  } finally {
    await queues.close();
  }
}

/** Puts dead letters on their queue again: those of these ids, or all. */
export async function revive(
  queue: string,
  ids: readonly string[],
  settings: QueueSettings,
): Promise<string[]> {
  const queues = await openQueue(queue, settings);
  try {
    const wanted = ids.length > 0 ? ids : (await queues.dead(queue)).map(({ id }) => id);
    for (const id of wanted) await queues.revive(queue, id);
    return [...wanted];
  } finally {
    await queues.close();
  }
}
