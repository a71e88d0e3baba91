import type { Graph } from '../catalogue/graph.ts';

export type Outcome = 'done' | 'failed' | 'skipped';

export interface ScheduleOptions {
  /** How many run at once. */
  concurrency: number;
  /** When it fires nothing more is started; what runs is waited for. */
  signal?: AbortSignal;
  /** Called for what never starts: because of a dependency, or (undefined) of the signal. */
  onSkip(name: string, because: string | undefined): void;
}

/**
 * Runs a step for every node along the edges of the graph: a node starts as soon as all that it
 * depends on is done, whatever else still runs. A failure stops only what depends on it.
 *
 * @param run resolves to whether the step succeeded; it must not throw.
 */
export async function schedule(
  graph: Graph,
  run: (name: string) => Promise<boolean>,
  options: ScheduleOptions,
): Promise<Map<string, Outcome>> {
  const outcomes = new Map<string, Outcome>();
  const waiting = new Set(graph.keys());
  const running = new Map<string, Promise<void>>();
  const start = (name: string) => {
    waiting.delete(name);
    const step = run(name).then((ok) => {
      outcomes.set(name, ok ? 'done' : 'failed');
      running.delete(name);
    });
    running.set(name, step);
  };
  for (;;) {
    let moved = false;
    for (const name of [...waiting]) {
      const dependencies = [...(graph.get(name) ?? [])].filter((other) => graph.has(other));
      const broken = dependencies.find((other) => ['failed', 'skipped'].includes(outcomes.get(other) ?? ''));
      if (broken !== undefined || options.signal?.aborted) {
        waiting.delete(name);
        outcomes.set(name, 'skipped');
        options.onSkip(name, options.signal?.aborted ? undefined : broken);
        moved = true;
      } else if (
        running.size < options.concurrency &&
        dependencies.every((other) => outcomes.get(other) === 'done')
      ) {
        start(name);
      }
    }
    if (running.size > 0) await Promise.race(running.values());
    else if (waiting.size === 0) return outcomes;
    else if (!moved) throw new Error(`the graph has a cycle through ${[...waiting].join(', ')}`);
  }
}
