import { isAlias, isMap, isScalar, isSeq, type Node, type Pair, type Scalar, type YAMLMap } from 'yaml';
import { configError } from '../errors.ts';
import type { Tree } from './merge.ts';
import { type Source, syntaxError } from './syntax.ts';
import { Template } from './template.ts';

/** Aliases in aliases make things deeper than the text is: what walks over it must not exhaust the call stack. */
const MAX_DEPTH = 300;
/** More values than this that come out of aliases are taken for an attack ("billion laughs"). */
const MAX_ALIASED = 100_000;

interface State {
  source: Source;
  anchors: Map<string, Node>;
  targets: Map<Node, Node>;
  /** Anchored nodes that are being read: an alias to one of them would never end. */
  open: Set<Node>;
  /** Depth of aliases, and how many values they have brought. */
  inside: number;
  aliased: number;
}

/**
 * Turns a syntax tree into plain data.
 *
 * @returns the data, and what each alias stands for.
 * @throws {DatamillError} YAML_SYNTAX or YAML_ALIASES (exit 2), with line and column.
 */
export function toData(source: Source): { data: unknown; targets: ReadonlyMap<Node, Node> } {
  const state: State = {
    source,
    anchors: new Map(),
    targets: new Map(),
    open: new Set(),
    inside: 0,
    aliased: 0,
  };
  return { data: convert(source.contents, state, 0), targets: state.targets };
}

function convert(node: unknown, state: State, depth: number): unknown {
  if (node === null || node === undefined) return null;
  if (depth > MAX_DEPTH) throw problem('it is nested too deeply', node, state);
  if (isAlias(node)) return fromAlias(node, node.source, state, depth);
  if (state.inside > 0 && ++state.aliased > MAX_ALIASED) throw tooMuch(node, state);
  const anchored = node as Node & { anchor?: string };
  if (anchored.anchor !== undefined && state.inside === 0) state.anchors.set(anchored.anchor, anchored);
  if (isScalar(node)) return fromScalar(node, state);
  state.open.add(anchored);
  try {
    if (isMap(node)) return fromMap(node, state, depth);
    if (isSeq(node)) return node.items.map((item) => convert(item, state, depth + 1));
  } finally {
    state.open.delete(anchored);
  }
  throw problem('this cannot be read', node, state);
}

function fromScalar(node: Scalar, state: State): unknown {
  if (node.tag === '!hbs') return new Template(String(node.value), state.source.place(node.range?.[0] ?? 0));
  return node.value;
}

function fromAlias(node: Node, name: string, state: State, depth: number): unknown {
  const target = state.targets.get(node) ?? state.anchors.get(name);
  if (target === undefined)
    throw problem(`there is no anchor &${name} before the alias *${name}`, node, state);
  if (state.open.has(target))
    throw problem(`the alias *${name} stands inside of what it repeats`, node, state);
  state.targets.set(node, target);
  if (++state.aliased > MAX_ALIASED) throw tooMuch(node, state);
  state.inside += 1;
  const data = convert(target, state, depth);
  state.inside -= 1;
  return data;
}

function fromMap(map: YAMLMap, state: State, depth: number): Tree {
  const result: Tree = {};
  const seen = new Set<string>();
  const bases: unknown[] = [];
  for (const pair of map.items) {
    const key = keyOf(pair, map, state);
    if (seen.has(key)) throw problem(`the key "${key}" stands twice in one map`, pair.key, state);
    seen.add(key);
    const value = convert(pair.value, state, depth + 1);
    // The merge key of YAML 1.1, which Helm understands too.
    if (key === '<<' && isMergeable(value)) bases.push(...(Array.isArray(value) ? value : [value]));
    else result[key] = value;
  }
  return bases.length === 0 ? result : Object.assign({}, ...bases.reverse(), result);
}

function isMergeable(value: unknown): boolean {
  const isTree = (item: unknown) => typeof item === 'object' && item !== null && !Array.isArray(item);
  return isTree(value) || (Array.isArray(value) && value.every(isTree));
}

function keyOf({ key }: Pair, map: YAMLMap, state: State): string {
  if (!isScalar(key) || key.value === null) throw problem('a key must be a plain text', key ?? map, state);
  const name = String(key.value);
  if (name === '__proto__') throw problem('the key "__proto__" is not allowed', key, state);
  return name;
}

function problem(message: string, node: unknown, state: State) {
  return syntaxError(message, state.source.place((node as Node).range?.[0] ?? 0));
}

function tooMuch(node: unknown, state: State) {
  return configError('YAML_ALIASES', 'the aliases (*name) in this file expand to too much data', {
    at: state.source.place((node as Node).range?.[0] ?? 0),
    hint: 'write the repeated parts out',
  });
}
