import { configError, type Location } from '../errors.ts';

/** Which nodes must come before which: name -> names that it depends on. */
export type Graph = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * Orders the nodes so that each comes after what it depends on; nodes that are free keep the
 * order in which the map lists them.
 *
 * @param locate place to point at when there is a cycle.
 * @throws {DatamillError} CYCLE (exit 2) with the whole path.
 */
export function topologicalOrder(graph: Graph, locate?: (name: string) => Location | undefined): string[] {
  const order: string[] = [];
  const done = new Set<string>();
  const visit = (start: string) => {
    // An explicit stack: a chain of thousands of components must not exhaust the call stack.
    const stack: Array<{ name: string; rest: Iterator<string> }> = [];
    const onPath = new Set<string>();
    const push = (name: string) => {
      stack.push({ name, rest: dependenciesOf(graph, name) });
      onPath.add(name);
    };
    push(start);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const next = top.rest.next();
      if (next.done === true) {
        stack.pop();
        onPath.delete(top.name);
        done.add(top.name);
        order.push(top.name);
      } else if (onPath.has(next.value)) {
        throw cycleError(
          stack.map((item) => item.name),
          next.value,
          locate,
        );
      } else if (!done.has(next.value)) {
        push(next.value);
      }
    }
  };
  for (const name of graph.keys()) if (!done.has(name)) visit(name);
  return order;
}

function dependenciesOf(graph: Graph, name: string): Iterator<string> {
  return [...(graph.get(name) ?? [])].filter((other) => graph.has(other))[Symbol.iterator]();
}

function cycleError(path: string[], back: string, locate?: (name: string) => Location | undefined) {
  const cycle = [...path.slice(path.indexOf(back)), back];
  return configError('CYCLE', `these components need each other in a circle: ${cycle.join(' -> ')}`, {
    at: locate?.(back),
    hint: 'take one `needs` or `after` out of the circle',
  });
}

/** The given nodes and all that they depend on, directly or not. */
export function closure(graph: Graph, names: Iterable<string>): Set<string> {
  const found = new Set<string>();
  const queue = [...names];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (found.has(name)) continue;
    found.add(name);
    queue.push(...(graph.get(name) ?? []));
  }
  return found;
}
