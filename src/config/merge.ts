export type Tree = Record<string, unknown>;

export function isTree(value: unknown): value is Tree {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.getPrototypeOf(value) === Object.prototype
  );
}

/**
 * Merges as Helm does: maps merge, lists and scalars replace. A null stays, so that Helm sees it
 * and drops the chart's default; `dropNulls` takes them out afterwards where null means delete.
 */
export function merge(base: unknown, over: unknown): unknown {
  if (over === undefined) return base;
  if (!isTree(base) || !isTree(over)) return over;
  const result: Tree = { ...base };
  for (const [key, value] of Object.entries(over)) {
    result[key] = Object.hasOwn(result, key) ? merge(result[key], value) : value;
  }
  return result;
}

/** Takes keys whose value is null out of maps, at every depth. */
export function dropNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value;
  if (!isTree(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, child]) => child !== null)
      .map(([key, child]) => [key, dropNulls(child)]),
  );
}

/** The value at a path, or undefined. */
export function getAt(value: unknown, path: readonly (string | number)[]): unknown {
  let current = value;
  for (const key of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, key)) return undefined;
    current = (current as Record<string | number, unknown>)[key];
  }
  return current;
}
