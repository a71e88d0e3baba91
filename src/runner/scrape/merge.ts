import { hasMember, isObject, type Json, type JsonObject, setMember } from './json.ts';

/** Told of every value that is not an object and takes the place of another. */
export type OnReplaced = (path: readonly string[]) => void;

/** JSON Merge Patch (RFC 7396), in place where the target is an object; the result. */
export function mergePatch(
  target: Json | undefined,
  patch: Json,
  onReplaced: OnReplaced = () => undefined,
  path: readonly string[] = [],
): Json {
  if (!isObject(patch)) {
    if (target !== undefined) onReplaced(path);
    return patch;
  }
  const into: JsonObject = isObject(target) ? target : {};
  for (const name of Object.keys(patch)) {
    const value = patch[name]!;
    const before = hasMember(into, name) ? into[name] : undefined;
    if (value === null) {
      if (before !== undefined) onReplaced([...path, name]);
      delete into[name];
    } else setMember(into, name, mergePatch(before, value, onReplaced, [...path, name]));
  }
  return into;
}
