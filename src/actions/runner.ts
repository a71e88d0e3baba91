import {
  createLog,
  type LogEvent,
  openQueue,
  type QueueSettings,
  type RunnerSettings,
  startRunner,
  type Submitted,
  submitRequest,
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
export async function submit(
  file: string,
  queue: string,
  settings: QueueSettings,
  signal: AbortSignal,
): Promise<Submitted> {
  return await submitRequest({ file, queue, settings, signal });
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
