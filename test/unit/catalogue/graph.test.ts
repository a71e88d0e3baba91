import { describe, expect, it } from 'vitest';
import { closure, topologicalOrder } from '../../../src/catalogue/graph.ts';
import { failure } from '../../helpers/workspace.ts';

const graph = (edges: Record<string, string[]>) =>
  new Map(Object.entries(edges).map(([name, others]) => [name, new Set(others)]));

describe('the order', () => {
  it('puts each after what it depends on, and leaves the rest as listed', () => {
    expect(topologicalOrder(graph({ c: [], b: ['d'], a: [], d: ['e'], e: [] }))).toEqual([
      'c',
      'e',
      'd',
      'b',
      'a',
    ]);
    expect(topologicalOrder(graph({ z: [], y: [], x: [] }))).toEqual(['z', 'y', 'x']);
  });

  it('does not mind names that are not in the graph', () => {
    expect(topologicalOrder(graph({ a: ['nobody'] }))).toEqual(['a']);
  });

  it('holds for random graphs', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const names = Array.from({ length: 30 }, (_, index) => `n${(index * 7 + seed) % 30}`);
      const edges = Object.fromEntries(
        names.map((name, index) => [name, names.slice(index + 1).filter((_, at) => (at * seed) % 5 === 1)]),
      );
      const order = topologicalOrder(graph(edges));

      expect([...order].sort()).toEqual([...names].sort());
      for (const [name, others] of Object.entries(edges))
        for (const other of others) expect(order.indexOf(other)).toBeLessThan(order.indexOf(name));
    }
  });

  it('of a chain of 20,000 does not exhaust the stack', () => {
    const names = Array.from({ length: 20_000 }, (_, index) => `n${index}`);
    const chain = new Map(names.map((name, index) => [name, new Set(names.slice(index + 1, index + 2))]));

    expect(topologicalOrder(chain)[0]).toBe('n19999');
    expect(closure(chain, ['n0']).size).toBe(20_000);
  });

  it.each([
    [{ a: ['a'] }, 'a -> a'],
    [{ start: ['a'], a: ['b'], b: ['c'], c: ['a'] }, 'a -> b -> c -> a'],
  ])('tells the whole circle of %j', (edges, path) => {
    const at = { file: 'f', line: 1, column: 2 };
    const error = failure(() => topologicalOrder(graph(edges as never), () => at));

    expect(error).toMatchObject({ code: 'CYCLE', exitCode: 2, at });
    expect(error.message).toContain(`circle: ${path}`);
  });
});

describe('the closure', () => {
  it('is what the named ones depend on, directly or not', () => {
    const edges = graph({ a: ['b'], b: ['c'], c: [], d: ['a'] });

    expect([...closure(edges, ['a'])].sort()).toEqual(['a', 'b', 'c']);
    expect([...closure(edges, [])]).toEqual([]);
  });
});
