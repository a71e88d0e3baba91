import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from 'yaml';
import { configError, type DatamillError, type Location } from '../errors.ts';
import { Template } from './template.ts';

/** Keys and indexes from the top of a document to a value. */
export type Path = readonly (string | number)[];

/** One parsed YAML document that still knows where everything stands. */
export interface ParsedDocument {
  file: string;
  /** Plain data; strings tagged `!hbs` are `Template`s. */
  data: unknown;
  /** Place of the value at `path`, or of its key; of the nearest parent when it is not there. */
  locate(path: Path, part?: 'key' | 'value'): Location;
}

/** More aliases than this are taken for an attack ("billion laughs"). */
const MAX_ALIASES = 100;

/**
 * Parses one YAML 1.2 document.
 *
 * @param text the document; `file` is only used in messages.
 * @throws {DatamillError} YAML_SYNTAX (exit 2), with line and column.
 */
export function parseYaml(text: string, file: string): ParsedDocument {
  const lines = new LineCounter();
  const doc = parseDocument(text, {
    lineCounter: lines,
    uniqueKeys: true,
    prettyErrors: false,
    customTags: [{ tag: '!hbs', resolve: (value: string) => value }],
  });
  const place = (offset: number): Location => {
    const { line, col } = lines.linePos(offset);
    return { file, line, column: col };
  };
  const problem = doc.errors[0] ?? doc.warnings.find((warning) => warning.code === 'TAG_RESOLVE_FAILED');
  if (problem !== undefined) throw syntaxError(problem.message, place(problem.pos[0]));
  markTemplates(doc, place);
  return {
    file,
    data: toData(doc, file),
    locate: (path, part) => locate(doc, path, part ?? 'value', place, file),
  };
}

/** A document that was made in memory, such as `--set` flags. */
export function syntheticDocument(file: string, data: unknown): ParsedDocument {
  return { file, data, locate: () => ({ file }) };
}

function syntaxError(message: string, at: Location): DatamillError {
  const sentence = message.split('\n')[0] ?? message;
  return configError('YAML_SYNTAX', `this is not valid YAML: ${sentence}`, {
    at,
    hint: syntaxHint(sentence),
  });
}

function syntaxHint(message: string): string {
  if (/tab/i.test(message)) return 'indent with spaces, not with tabs';
  if (/unique/i.test(message)) return 'remove one of the two: a key may stand only once in a map';
  if (/multiple documents/i.test(message)) return 'put each document into a file of its own';
  return 'check quotes, brackets and indentation here and on the line above; quote a value that holds ": " or " #"';
}

function markTemplates(doc: Document, place: (offset: number) => Location): void {
  visit(doc, {
    Scalar(key, node) {
      if (key !== 'key' && node.tag === '!hbs') {
        node.value = new Template(String(node.value), place(node.range?.[0] ?? 0));
      }
    },
    Pair(_, pair) {
      if (isScalar(pair.key) && pair.key.value === '__proto__') {
        throw syntaxError('the key "__proto__" is not allowed', place(pair.key.range?.[0] ?? 0));
      }
    },
  });
}

function toData(doc: Document, file: string): unknown {
  try {
    return doc.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (cause) {
    throw configError('YAML_ALIASES', 'the aliases (*name) in this file expand to too much data', {
      at: { file, line: 1, column: 1 },
      hint: 'write the repeated parts out',
      cause,
    });
  }
}

function locate(
  doc: Document,
  path: Path,
  part: 'key' | 'value',
  place: (offset: number) => Location,
  file: string,
): Location {
  let node: unknown = doc.contents;
  let best: Node | null = isNode(node) ? node : null;
  for (const [depth, key] of path.entries()) {
    if (isAlias(node)) node = node.resolve(doc);
    let next: unknown;
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
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
  return best?.range ? place(best.range[0]) : { file, line: 1, column: 1 };
}

/** A key with nothing behind its colon: the key is the better place to point at. */
function isEmpty(node: Node): boolean {
  return node.range !== undefined && node.range !== null && node.range[0] === node.range[1];
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'range' in value;
}
