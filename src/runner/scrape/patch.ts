import { clone, equal, hasMember, isObject, type Json, setMember } from './json.ts';
import { arrayIndex, formatPointer, parsePointer, valueAt } from './pointer.ts';

/** One operation of a JSON Patch (RFC 6902), with its paths read. */
export interface Operation {
  op: 'add' | 'remove' | 'replace' | 'move' | 'copy' | 'test';
  path: string[];
  from?: string[];
  value?: Json;
}

const OPERATIONS = new Set(['add', 'remove', 'replace', 'move', 'copy', 'test']);

/** Whether a line can be meant as a patch: an array of objects that say an operation. */
export function looksLikePatch(value: Json): value is Json[] {
  return (
    Array.isArray(value) && value.length > 0 && value.every((one) => isObject(one) && hasMember(one, 'op'))
  );
}

/**
 * Reads a patch.
 *
 * @throws when it is none.
 */
export function parsePatch(value: Json[]): Operation[] {
  return value.map((one) => {
    if (!isObject(one)) throw new Error('an operation must be an object');
    const { op } = one;
    if (typeof op !== 'string' || !OPERATIONS.has(op))
      throw new Error(`there is no operation ${JSON.stringify(op)}`);
    const operation: Operation = { op: op as Operation['op'], path: parsePointer(one.path) };
    if (op === 'move' || op === 'copy') operation.from = parsePointer(one.from);
    if (op === 'add' || op === 'replace' || op === 'test') {
      if (!hasMember(one, 'value')) throw new Error(`the operation ${op} has no value`);
      operation.value = one.value;
    }
    return operation;
  });
}

/** How to take an operation back. */
type Undo = () => void;

/**
 * Applies a patch in place, as a whole or not at all. The top of the document stays the same object.
 *
 * @throws when an operation fails.
 */
export function applyPatch(document: Json, patch: readonly Operation[]): void {
  const undos: Undo[] = [];
  try {
    for (const operation of patch) undos.push(...apply(document, operation));
  } catch (error) {
    for (const undo of undos.reverse()) undo();
    throw error;
  }
}

function apply(document: Json, { op, path, from = [], value }: Operation): Undo[] {
  switch (op) {
    case 'add':
      return [add(document, path, clone(value!))];
    case 'remove':
      return [remove(document, path)];
    case 'replace':
      return [replace(document, path, clone(value!))];
    case 'test':
      if (!equal(valueAt(document, path), value))
        throw new Error(`the test of ${formatPointer(path)} failed`);
      return [];
    case 'copy':
      return [add(document, path, clone(existing(document, from)))];
    case 'move': {
      const moved = existing(document, from);
      if (from.length < path.length && from.every((part, at) => part === path[at]))
        throw new Error(`${formatPointer(from)} cannot move into itself`);
      const removed = remove(document, from);
      try {
        return [removed, add(document, path, moved)];
      } catch (error) {
        removed();
        throw error;
      }
    }
  }
}

function existing(document: Json, path: readonly string[]): Json {
  const value = valueAt(document, path);
  if (value === undefined) throw new Error(`there is no ${formatPointer(path)}`);
  return value;
}

function parentOf(document: Json, path: readonly string[]): { parent: Json; last: string } {
  const last = path.at(-1);
  if (last === undefined) throw new Error('the whole document cannot be changed');
  return { parent: existing(document, path.slice(0, -1)), last };
}

function add(document: Json, path: readonly string[], value: Json): Undo {
  const { parent, last } = parentOf(document, path);
  if (Array.isArray(parent)) {
    const at = last === '-' ? parent.length : arrayIndex(last);
    if (!(at <= parent.length)) throw new Error(`there is no place ${formatPointer(path)}`);
    parent.splice(at, 0, value);
    return () => void parent.splice(at, 1);
  }
  if (!isObject(parent)) throw new Error(`${formatPointer(path.slice(0, -1))} has no members`);
  const had = hasMember(parent, last);
  const before = parent[last];
  setMember(parent, last, value);
  return () => {
    if (had) setMember(parent, last, before!);
    else delete parent[last];
  };
}

function remove(document: Json, path: readonly string[]): Undo {
  const { parent, last } = parentOf(document, path);
  const value = existing(document, path);
  if (Array.isArray(parent)) {
    const at = arrayIndex(last);
    parent.splice(at, 1);
    return () => void parent.splice(at, 0, value);
  }
  const object = parent as { [name: string]: Json };
  delete object[last];
  return () => setMember(object, last, value);
}

function replace(document: Json, path: readonly string[], value: Json): Undo {
  const { parent, last } = parentOf(document, path);
  const before = existing(document, path);
  const put = (one: Json) => {
    if (Array.isArray(parent)) parent[arrayIndex(last)] = one;
    else setMember(parent as { [name: string]: Json }, last, one);
  };
  put(value);
  return () => put(before);
}
