import { describe, expect, it } from 'vitest';
import { type Outcome, schedule } from '../../../src/plan/schedule.ts';
import { seeded } from '../../helpers/random.ts';

type Dag = Map<string, Set<string>>;

/** Every node may depend on earlier ones; the names do not betray the order. */
function randomDag(random: () => number): Dag {
  const size = 1 + Math.floor(random() * 14);
  const density = random() * 0.5;
  const names = Array.from({ length: size }, (_, index) => `${Math.floor(random() * 1000)}-${index}`);
  const edges = names.map(
    (name, index) => [name, new Set(names.slice(0, index).filter(() => random() < density))] as const,
  );
  return new Map(edges.sort(() => random() - 0.5));
}

/** All that a node depends on, however far away. */
function below(dag: Dag, name: string, seen = new Set<string>()): Set<string> {
  for (const other of dag.get(name)!)
    if (!seen.has(other)) {
      seen.add(other);
      below(dag, other, seen);
    }
  return seen;
}

interface Trace {
  running: Set<string>;
  started: string[];
  most: number;
  skipped: Map<string, string | undefined>;
  outcomes: Map<string, Outcome>;
}

/** Runs a graph; the steps end one at a time, in random order, and after each one `look` is called. */
async function simulate(
  dag: Dag,
  concurrency: number,
  random: () => number,
  options: { failing?: ReadonlySet<string>; signal?: AbortSignal; look?(trace: Trace): void } = {},
): Promise<Trace> {
  const trace: Trace = {
    running: new Set(),
    started: [],
    most: 0,
    skipped: new Map(),
    outcomes: new Map(),
  };
  const endings = new Map<string, (ok: boolean) => void>();
  let over = false;
  const done = schedule(
    dag,
    (name) => {
      trace.started.push(name);
      trace.running.add(name);
      trace.most = Math.max(trace.most, trace.running.size);
      return new Promise((resolve) => endings.set(name, resolve));
    },
    {
      concurrency,
      signal: options.signal,
      onSkip: (name, because) => void trace.skipped.set(name, because),
    },
  ).finally(() => {
    over = true;
  });
  done.catch(() => undefined);
  for (;;) {
    await new Promise((resolve) => setImmediate(resolve));
    if (over) break;
    options.look?.(trace);
    const [name, end] = [...endings][Math.floor(random() * endings.size)]!;
    endings.delete(name);
    trace.running.delete(name);
    const ok = !options.failing?.has(name);
    trace.outcomes.set(name, ok ? 'done' : 'failed');
    end(ok);
  }
  expect(
    new Map([...trace.outcomes, ...[...trace.skipped.keys()].map((name) => [name, 'skipped'] as const)]),
  ).toEqual(await done);
  return trace;
}

const seeds = Array.from({ length: 60 }, (_, index) => index + 1);

describe('schedule', () => {
  it.each(seeds)('starts all that can start, and nothing else (graph %i)', async (seed) => {
    const random = seeded(seed);
    const dag = randomDag(random);
    const concurrency = 1 + Math.floor(random() * 5);
    const trace = await simulate(dag, concurrency, random, {
      look({ running, started, outcomes }) {
        for (const name of started)
          for (const other of dag.get(name)!)
            expect(outcomes.get(other), `${name} after ${other}`).toBe('done');
        const able = [...dag].filter(
          ([name, needs]) =>
            !started.includes(name) && [...needs].every((other) => outcomes.get(other) === 'done'),
        );
        // Whoever could run is only held back by the number of those that do.
        if (able.length > 0) expect(running.size).toBe(concurrency);
      },
    });
    expect(trace.most).toBeLessThanOrEqual(concurrency);
    expect([...trace.started].sort()).toEqual([...dag.keys()].sort());
    expect(trace.skipped.size).toBe(0);
  });

  it.each(seeds)('skips what depends on a failure, and only that (graph %i)', async (seed) => {
    const random = seeded(seed);
    const dag = randomDag(random);
    const failing = new Set([...dag.keys()].filter(() => random() < 0.2));
    const trace = await simulate(dag, 3, random, { failing });
    for (const name of dag.keys()) {
      const doomed = [...below(dag, name)].some((other) => failing.has(other));
      expect(trace.skipped.has(name), name).toBe(doomed);
      expect(trace.started.includes(name), name).toBe(!doomed);
    }
    for (const [name, because] of trace.skipped) {
      expect(dag.get(name)).toContain(because);
      expect(failing.has(because!) || trace.skipped.has(because!)).toBe(true);
    }
  });

  it.each(seeds.slice(0, 20))(
    'starts nothing after the signal and waits for what runs (graph %i)',
    async (seed) => {
      const random = seeded(seed);
      const dag = randomDag(random);
      const controller = new AbortController();
      const at = Math.floor(random() * dag.size);
      let begun: string[] | undefined;
      const trace = await simulate(dag, 2, random, {
        signal: controller.signal,
        look({ outcomes, started }) {
          if (outcomes.size < at || begun !== undefined) return;
          controller.abort();
          begun = [...started];
        },
      });
      if (begun !== undefined) expect(trace.started).toEqual(begun);
      expect(trace.outcomes.size + trace.skipped.size).toBe(dag.size);
      for (const because of trace.skipped.values()) expect(because).toBeUndefined();
    },
  );

  it('ignores edges to what is not in the graph', async () => {
    const trace = await simulate(new Map([['a', new Set(['elsewhere'])]]), 1, () => 0);
    expect(trace.started).toEqual(['a']);
  });

  it('names the members of a cycle instead of waiting for ever', async () => {
    const graph = new Map([
      ['a', new Set(['b'])],
      ['b', new Set(['a'])],
    ]);
    await expect(simulate(graph, 1, () => 0)).rejects.toThrow('cycle through a, b');
  });
});
