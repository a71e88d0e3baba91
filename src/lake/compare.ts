import type { StoredObject } from './objects.ts';
import { hasEtag, type PartBuffers } from './parts.ts';
import type { LeftOut, LocalFile } from './walk.ts';

export interface Comparison {
  /** New or changed: they are to be sent. */
  send: LocalFile[];
  unchanged: number;
  /** Keys of objects that no file stands behind. */
  extra: string[];
}

/**
 * Compares a folder with the listing of its bucket: a file is unchanged when its size and its digest
 * are those of the object. Only files whose size fits are read.
 */
export async function compare(
  files: readonly LocalFile[],
  leftOut: readonly LeftOut[],
  stored: ReadonlyMap<string, StoredObject>,
  buffers: PartBuffers,
  signal?: AbortSignal,
): Promise<Comparison> {
  const send: LocalFile[] = [];
  for (const file of files) {
    signal?.throwIfAborted();
    const object = stored.get(file.key);
    if (object === undefined || object.size !== file.size || !(await isSame(file, object, buffers)))
      send.push(file);
  }
  return { send, unchanged: files.length - send.length, extra: extraOf(files, leftOut, stored) };
}

async function isSame(file: LocalFile, { etag }: StoredObject, buffers: PartBuffers): Promise<boolean> {
  try {
    return await hasEtag(file.path, file.size, etag, buffers);
  } catch {
    // Sending it will say what is wrong with it.
    return false;
  }
}

/** What is there but was not sent, for whatever reason, is nothing that is too much. */
function extraOf(
  files: readonly LocalFile[],
  leftOut: readonly LeftOut[],
  stored: ReadonlyMap<string, StoredObject>,
): string[] {
  const wanted = new Set(files.map(({ key }) => key));
  for (const { key } of leftOut) wanted.add(key);
  const folders = leftOut.map(({ key }) => key).filter((key) => key === '' || key.endsWith('/'));
  return [...stored.keys()].filter(
    (key) => !wanted.has(key) && !folders.some((folder) => key.startsWith(folder)),
  );
}
