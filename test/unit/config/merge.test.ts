import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { dropNulls, getAt, merge } from '../../../src/config/merge.ts';
import { resolveTools } from '../../../src/tools/index.ts';
import { exec } from '../../../src/util/exec.ts';
import { workspace } from '../../helpers/workspace.ts';

/** A small generator with a seed, so that a failure can be repeated. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function tree(next: (below: number) => number, depth = 0): unknown {
  const kind = next(depth === 0 ? 1 : 7);
  if (kind <= 2 && depth < 4) {
    return Object.fromEntries(
      Array.from({ length: next(4) }, () => ['abcd'[next(4)], tree(next, depth + 1)]),
    );
  }
  return [null, 'text', '', 0, false, [1, { a: 1 }], {}][next(7)];
}

const isMap = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Every leaf (whatever is no map with keys) with its path, in the form of a flat table. */
function leaves(value: unknown, path: string[] = []): Map<string, unknown> {
  if (!isMap(value) || Object.keys(value as object).length === 0) return new Map([[path.join('/'), value]]);
  return new Map(
    Object.entries(value as object).flatMap(([key, child]) => [...leaves(child, [...path, key])]),
  );
}

/**
 * The independent opinion: on tables of leaves, without recursion. A leaf of the upper tree takes
 * away everything at and below its path, and every leaf above it; an empty map over a map adds nothing.
 */
function oracle(base: unknown, over: unknown): Map<string, unknown> {
  const result = leaves(base);
  for (const [path, value] of leaves(over)) {
    const here = [...result.keys()].filter(
      (key) => path === '' || key === path || key.startsWith(`${path}/`),
    );
    const mapHere = here.some((key) => key !== path || isMap(result.get(key)));
    if (isMap(value) && mapHere) continue;
    for (const key of here) result.delete(key);
    for (const key of [...result.keys()]) if (key === '' || path.startsWith(`${key}/`)) result.delete(key);
    result.set(path, value);
  }
  return result;
}

const seeds = Array.from({ length: 400 }, (_, index) => index + 1);

describe('merge', () => {
  it('does what the oracle says, for hundreds of trees', () => {
    for (const seed of seeds) {
      const next = random(seed);
      const [base, over] = [tree(next), tree(next)];

      expect(leaves(merge(base, over)), `seed ${seed}`).toEqual(oracle(base, over));
    }
  });

  it('has an empty map as neutral element, and changes neither side', () => {
    for (const seed of seeds) {
      const next = random(seed);
      const [a, b] = [tree(next), tree(next)];
      const before = JSON.stringify([a, b]);

      merge(a, b);
      expect(merge(a, {})).toEqual(a);
      expect(merge({}, a)).toEqual(a);
      expect(JSON.stringify([a, b])).toBe(before);
    }
  });

  it('merges maps, replaces lists and scalars, and keeps a null for Helm to see', () => {
    const base = { image: { tag: '1', pull: true }, args: [1, 2], drop: { deep: 1 } };

    expect(merge(base, { image: { tag: '2' }, args: [3], drop: null })).toEqual({
      image: { tag: '2', pull: true },
      args: [3],
      drop: null,
    });
  });

  it('deletes by null, at every depth, but not inside of lists', () => {
    expect(dropNulls({ a: null, b: { c: null, d: 1 }, e: [null, { f: null }] })).toEqual({
      b: { d: 1 },
      e: [null, { f: null }],
    });
  });

  it('takes names of the prototype for plain names', () => {
    const merged = merge({ constructor: 1 }, { toString: 2 });

    expect(merged).toEqual({ constructor: 1, toString: 2 });
    expect(getAt({}, ['constructor'])).toBeUndefined();
  });
});

describe('merged values and helm', () => {
  it('agree: one file of ours gives what helm makes of two', async () => {
    const chart = workspace({
      'Chart.yaml': 'apiVersion: v2\nname: echo\nversion: 1.0.0\n',
      'values.yaml': 'a: { a: chart, z: chart }\nb: chart\nc: [chart]\nd: { d: { d: chart } }\n',
      'templates/echo.yaml':
        'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: echo }\ndata: {{ dict "values" (.Values | toJson) | toJson }}\n',
    });
    const helm = (await resolveTools(['helm'])).get('helm')!.path;
    const template = async (...files: string[]) => {
      const { stdout, stderr } = await exec(helm, [
        'template',
        'x',
        chart,
        ...files.flatMap((file) => ['--values', file]),
      ]);
      if (!stdout.includes('values')) throw new Error(stderr);
      return JSON.parse(parse(stdout).data.values);
    };
    for (const seed of seeds.slice(0, 12)) {
      const next = random(seed);
      const [base, over] = [tree(next), tree(next)];
      const folder = workspace({
        'base.yaml': JSON.stringify(base),
        'over.yaml': JSON.stringify(over),
        'ours.yaml': JSON.stringify(merge(base, over)),
      });

      expect(await template(`${folder}/ours.yaml`), `seed ${seed}`).toEqual(
        await template(`${folder}/base.yaml`, `${folder}/over.yaml`),
      );
    }
  }, 60_000);
});
