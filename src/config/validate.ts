import type * as z from 'zod';
import { configError, type DatamillError } from '../errors.ts';
import type { ParsedDocument, Path } from './document.ts';
import { nearest } from './nearest.ts';
import { Template } from './template.ts';

/** A document and the path in it that the validated value stands at. */
export interface Origin {
  document: ParsedDocument;
  path: Path;
  /** What the value is, for messages: `minio`, `project`, … Empty for the whole document. */
  label: string;
}

/**
 * Validates a value; every problem becomes an error with its place.
 *
 * @returns the parsed value with defaults.
 * @throws {DatamillError} with the first problem; the others are in `others`.
 */
export function validate<S extends z.ZodType>(schema: S, value: unknown, origin: Origin): z.infer<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues
    .slice(0, MAX_OTHERS + 1)
    .flatMap((issue) => toErrors(issue, schema, value, origin));
  throw bundle(problems);
}

/** More mistakes than this in one go help nobody. */
const MAX_OTHERS = 19;

/** The first error, carrying the others. */
export function bundle(problems: DatamillError[]): DatamillError {
  const [first, ...more] = problems;
  const others = more.slice(0, MAX_OTHERS);
  if (first === undefined) throw new Error('no problem to bundle');
  if (others.length === 0) return first;
  return configError(first.code, first.message, {
    at: first.at,
    hint: first.hint,
    cause: first.cause,
    others,
  });
}

function toErrors(
  issue: z.core.$ZodIssue,
  schema: z.ZodType,
  value: unknown,
  origin: Origin,
): DatamillError[] {
  const path = issue.path.map((key) => (typeof key === 'symbol' ? String(key) : key));
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(schema, path);
    return issue.keys.slice(0, MAX_OTHERS + 1).map((key) => unknownKey(key, known, origin, path));
  }
  const at = origin.document.locate([...origin.path, ...path]);
  const name = [origin.label, ...path].filter((part) => part !== '').join('.');
  const wrong = valueAt(value, path);
  return [
    configError('INVALID_VALUE', `${name || 'the document'}: ${describe(issue, wrong)}`, {
      at,
      hint: hintFor(issue, wrong),
    }),
  ];
}

/** An error for a key that nobody knows, with the nearest known one. */
export function unknownKey(
  key: string,
  known: readonly string[],
  origin: Origin,
  path: Path = [],
): DatamillError {
  const inside = [origin.label, ...path].filter((part) => part !== '').join('.');
  return configError('UNKNOWN_KEY', `unknown key ${shown(key)}${inside ? ` in ${inside}` : ''}`, {
    at: origin.document.locate([...origin.path, ...path, key], 'key'),
    hint:
      nearest(key, known) ??
      (known.length > 0 ? `the keys here are ${[...known].sort().join(', ')}` : undefined),
  });
}

function describe(issue: z.core.$ZodIssue, value: unknown): string {
  if (issue.code === 'invalid_type') return `expected ${typeWord(issue.expected)}, got ${typeOf(value)}`;
  if (issue.code === 'invalid_value' && issue.message.startsWith('Invalid'))
    return `expected one of ${issue.values.map((item) => JSON.stringify(item)).join(', ')}, got ${shown(value)}`;
  if (issue.code === 'custom' || !issue.message.startsWith('Invalid'))
    return `${issue.message}${isScalar(value) ? ` (got ${shown(value)})` : ''}`;
  return `${issue.message} (got ${shown(value)})`;
}

function hintFor(issue: z.core.$ZodIssue, value: unknown): string | undefined {
  const wantsText =
    (issue.code === 'invalid_type' && issue.expected === 'string') || issue.message.includes('expected text');
  if (wantsText && (typeof value === 'number' || typeof value === 'boolean')) return `quote it: "${value}"`;
  if (
    issue.code === 'invalid_type' &&
    typeof value === 'string' &&
    (issue.expected === 'number' || issue.expected === 'int') &&
    value.trim() !== '' &&
    Number.isFinite(Number(value))
  ) {
    return `write it without quotes: ${value}`;
  }
  if (issue.code === 'invalid_value' && typeof value === 'string')
    return nearest(value, issue.values.map(String));
  if (issue.message.includes('DNS label') && typeof value === 'string') {
    // Cut first: the patterns take quadratic time on long runs of dashes.
    const label = value
      .slice(0, 100)
      .toLowerCase()
      .replace(/[^a-z0-9-]+/g, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 63);
    return label === '' || label === value ? undefined : `for example "${label}"`;
  }
  return undefined;
}

function typeWord(expected: string): string {
  const words: Record<string, string> = {
    object: 'a map',
    record: 'a map',
    array: 'a list',
    string: 'text',
    number: 'a number',
    int: 'a whole number',
    boolean: 'true or false',
  };
  return words[expected] ?? expected;
}

function typeOf(value: unknown): string {
  if (value === undefined) return 'nothing (it is required)';
  if (value === null) return 'nothing (null)';
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Template) return 'a template, which cannot stand here';
  if (typeof value === 'object') return 'a map';
  if (typeof value === 'string') return `the text ${shown(value)}`;
  return `the ${typeof value} ${shown(value)}`;
}

function isScalar(value: unknown): boolean {
  return ['string', 'number', 'boolean'].includes(typeof value);
}

function shown(value: unknown): string {
  const json = JSON.stringify(value) ?? 'nothing';
  return json.length > 60 ? `${json.slice(0, 57)}…` : json;
}

function valueAt(value: unknown, path: Path): unknown {
  let current = value;
  for (const key of path) {
    if (typeof current !== 'object' || current === null) return undefined;
    current = (current as Record<string | number, unknown>)[key];
  }
  return current;
}

/** The keys that the schema knows at a path, found by walking the schema's own definition. */
function knownKeys(schema: z.ZodType, path: Path): string[] {
  let current: z.core.$ZodType | undefined = schema;
  for (const key of path) current = child(unwrap(current), key);
  const def = unwrap(current)?._zod.def as
    | { shape?: Record<string, unknown>; options?: z.core.$ZodType[] }
    | undefined;
  if (def?.shape !== undefined) return Object.keys(def.shape);
  return (def?.options ?? []).flatMap((option) =>
    Object.keys((unwrap(option)?._zod.def as { shape?: object } | undefined)?.shape ?? {}),
  );
}

type Def = {
  type: string;
  innerType?: z.core.$ZodType;
  in?: z.core.$ZodType;
  shape?: Record<string, z.core.$ZodType>;
  catchall?: z.core.$ZodType;
  valueType?: z.core.$ZodType;
  element?: z.core.$ZodType;
  options?: z.core.$ZodType[];
};

function unwrap(schema: z.core.$ZodType | undefined): z.core.$ZodType | undefined {
  let current = schema;
  for (;;) {
    const def = current?._zod.def as Def | undefined;
    const inner = def?.innerType ?? (def?.type === 'pipe' ? def.in : undefined);
    if (inner === undefined) return current;
    current = inner;
  }
}

function child(schema: z.core.$ZodType | undefined, key: string | number): z.core.$ZodType | undefined {
  const def = schema?._zod.def as Def | undefined;
  if (def === undefined) return undefined;
  if (def.shape !== undefined) return def.shape[String(key)] ?? def.catchall;
  if (def.type === 'record') return def.valueType;
  if (def.type === 'array') return def.element;
  for (const option of def.options ?? []) {
    const found = child(unwrap(option), key);
    if (found !== undefined) return found;
  }
  return undefined;
}
