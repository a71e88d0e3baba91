import { isAlias, isMap, isScalar, isSeq, type Node, type Pair, type ScalarTag, type YAMLMap } from 'yaml';
import type { Location } from '../errors.ts';
import { toData } from './data.ts';
import { composeYaml, type Source } from './syntax.ts';

/** Keys and indexes from the top of a document to a value. */
export type Path = readonly (string | number)[];

/** One parsed YAML document that still knows where everything stands. */
export interface ParsedDocument {
  file: string;
  /** Plain data; strings tagged `!hbs` are `Template`s. */
  data: unknown;
  /** Place of the value at `path`, or of its key; of the nearest parent when it is not there. */
  locate(path: Path, part?: 'key' | 'value'): Location;
  /** Made in memory: there are no lines to point at. */
  synthetic?: true;
}

/**
 * Parses one YAML 1.2 document.
 *
 * @param text the document; `file` is only used in messages.
 * @param scalars how plain scalars are read, instead of the YAML 1.2 core schema.
 * @throws {DatamillError} YAML_SYNTAX or YAML_ALIASES (exit 2), with line and column.
 */
export function parseYaml(text: string, file: string, scalars?: readonly ScalarTag[]): ParsedDocument {
  const sources = () => composeYaml(text, file, false, scalars);
  return toDocument(sources()[0]!, () => sources()[0]!);
}

/** Parses a file that may hold several documents, as manifests do; empty ones are left out. */
export function parseYamlStream(text: string, file: string): ParsedDocument[] {
  const sources = () => composeYaml(text, file, true);
  return sources()
    .map((source, index) => toDocument(source, () => sources()[index]!))
    .filter(({ data }) => data !== null);
}

/** A document that was made in memory, such as `--set` flags. */
export function syntheticDocument(file: string, data: unknown): ParsedDocument {
  return { file, data, locate: () => ({ file }), synthetic: true };
}

/**
 * Places are asked for by messages only, so the syntax tree, which is many times as large as the
 * data, is let go and made again when a message needs it.
 */
function toDocument(source: Source, again: () => Source): ParsedDocument {
  const { file } = source;
  const { data } = toData(source);
  let parsed: Parsed | undefined;
  const tree = (): Parsed => {
    if (parsed === undefined) {
      const fresh = again();
      parsed = { source: fresh, targets: toData(fresh).targets };
    }
    return parsed;
  };
  return {
    file,
    data,
    locate: (path, part = 'value') => lazily(file, () => locate(tree(), path, part)),
  };
}

interface Parsed {
  source: Source;
  targets: ReadonlyMap<Node, Node>;
}

/** A place whose line and column are found when they are read. */
function lazily(file: string, find: () => Location): Location {
  let found: Location | undefined;
  const place = () => {
    found ??= find();
    return found;
  };
  return {
    file,
    get line() {
      return place().line;
    },
    get column() {
      return place().column;
    },
  };
}

function locate({ source, targets }: Parsed, path: Path, part: 'key' | 'value'): Location {
  let node: unknown = source.contents;
  let best: Node | null = isNode(node) ? node : null;
  for (const [depth, key] of path.entries()) {
    if (isAlias(node)) node = targets.get(node);
    let next: unknown;
    if (isMap(node)) {
      const pair = findPair(node, String(key));
      next = pair?.value;
      const wantKey = depth === path.length - 1 && (part === 'key' || !isNode(next) || isEmpty(next));
      if (pair !== undefined && wantKey && isNode(pair.key)) best = pair.key;
      else if (isNode(next)) best = next;
      if (pair === undefined) break;
    } else if (isSeq(node)) {
      next = node.items[Number(key)];
      if (!isNode(next)) break;
      best = next;
    } else break;
    node = next;
  }
  return best?.range ? source.place(best.range[0]) : { file: source.file, line: 1, column: 1 };
}

/** Above this many keys a map gets an index, so that asking for each of thousands stays linear. */
const INDEX_FROM = 32;
const indexes = new WeakMap<YAMLMap, Map<string, Pair>>();

function findPair(map: YAMLMap, key: string): Pair | undefined {
  const named = (pair: Pair) => isScalar(pair.key) && String(pair.key.value) === key;
  if (map.items.length < INDEX_FROM) return map.items.find(named);
  let index = indexes.get(map);
  if (index === undefined) {
    index = new Map(
      map.items.flatMap((pair) => (isScalar(pair.key) ? [[String(pair.key.value), pair] as const] : [])),
    );
    indexes.set(map, index);
  }
  return index.get(key);
}

/** A key with nothing behind its colon: the key is the better place to point at. */
function isEmpty(node: Node): boolean {
  return node.range !== undefined && node.range !== null && node.range[0] === node.range[1];
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'range' in value;
}
