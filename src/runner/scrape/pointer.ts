import { hasMember, isObject, type Json } from './json.ts';

/**
 * The parts of a JSON Pointer (RFC 6901).
 *
 * @throws when it is none.
 */
export function parsePointer(text: unknown): string[] {
  if (typeof text !== 'string') throw new Error('a path must be a text');
  if (text === '') return [];
  if (!text.startsWith('/')) throw new Error(`the path ${JSON.stringify(text)} does not begin with /`);
  return text
    .slice(1)
    .split('/')
    .map((part) => {
      if (/~(?![01])/.test(part))
        throw new Error(`the path ${JSON.stringify(text)} has a ~ that stands for nothing`);
      return part.replaceAll('~1', '/').replaceAll('~0', '~');
    });
}

export function formatPointer(path: readonly string[]): string {
  return path.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** An index of an array as RFC 6901 writes it; NaN for anything else. */
export function arrayIndex(part: string): number {
  return /^(0|[1-9]\d*)$/.test(part) ? Number(part) : Number.NaN;
}

/** The value at a path; undefined when there is none. */
export function valueAt(document: Json, path: readonly string[]): Json | undefined {
  let value: Json | undefined = document;
  for (const part of path) {
    if (Array.isArray(value)) value = value[arrayIndex(part)];
    else if (isObject(value) && hasMember(value, part)) value = value[part];
    else return undefined;
  }
  return value;
}
