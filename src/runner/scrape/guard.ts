import { hasMember, isObject, type Json, type JsonObject } from './json.ts';
import type { Operation } from './patch.ts';
import { arrayIndex, formatPointer, valueAt } from './pointer.ts';

/** Sections that only the runner writes. */
const OURS = new Set(['runner', 'asset']);
/** What the runner itself says in its section; an experiment may add members beside. */
const AUDIT = 'studioml';

/**
 * Refuses a merge that would change what is not the experiment's: the audit section only grows.
 *
 * @throws with what is not allowed.
 */
export function guardMerge(document: JsonObject, patch: JsonObject): void {
  for (const name of Object.keys(patch))
    if (OURS.has(name)) throw new Error(`/${name} is written by the runner only`);
  if (hasMember(patch, AUDIT)) guardGrowth(document[AUDIT], patch[AUDIT]!, [AUDIT]);
}

function guardGrowth(before: Json | undefined, patch: Json, path: string[]): void {
  if (before === undefined && patch !== null) return;
  if (patch === null || !isObject(before) || !isObject(patch))
    throw new Error(`${formatPointer(path)} is there already, and /${AUDIT} only grows`);
  for (const name of Object.keys(patch))
    guardGrowth(hasMember(before, name) ? before[name] : undefined, patch[name]!, [...path, name]);
}

/**
 * Refuses an operation that would change what is not the experiment's, wherever it takes from.
 *
 * @throws with what is not allowed.
 */
export function guardOperation(document: JsonObject, { op, path, from }: Operation): void {
  if (op === 'test') return;
  const [top] = path;
  if (top === undefined) throw new Error('the whole document cannot be changed');
  if (OURS.has(top)) throw new Error(`/${top} is written by the runner only`);
  if (op === 'move' && (from?.[0] === AUDIT || OURS.has(from?.[0] ?? '') || from?.length === 0))
    throw new Error(`${formatPointer(from ?? [])} cannot be moved away`);
  if (top !== AUDIT) return;
  if (op === 'remove' || op === 'replace' || path.length === 1)
    throw new Error(`${op} of ${formatPointer(path)} is not allowed: /${AUDIT} only grows`);
  const parent = valueAt(document, path.slice(0, -1));
  const last = path.at(-1)!;
  // Before the end of an array all that follows would move.
  const grows = Array.isArray(parent)
    ? last === '-' || arrayIndex(last) === parent.length
    : !isObject(parent) || !hasMember(parent, last);
  if (!grows) throw new Error(`${formatPointer(path)} is there already, and /${AUDIT} only grows`);
}
