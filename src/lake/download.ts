import { once } from 'node:events';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Writable } from 'node:stream';
import { DatamillError } from '../errors.ts';
import { throwIfAborted } from '../util/abort.ts';
import { isBroken } from './errors.ts';
import { openObject, type StoredObject } from './objects.ts';
import type { Store } from './store.ts';

/** Breaks in the middle of an object that are borne in a row, with nothing received between. */
const BREAKS = 5;

export interface Download {
  store: Store;
  bucket: string;
  signal?: AbortSignal;
  onBytes?(count: number): void;
}

/**
 * Hands an object over piece by piece. When the connection breaks it goes on where it was, and
 * fails when the object was replaced meanwhile.
 *
 * @throws {StoreError}; DAMAGED (exit 1) when bytes are missing.
 */
async function readObject(
  { store, bucket, signal, onBytes }: Download,
  key: string,
  take: (chunk: Buffer) => Promise<void>,
): Promise<void> {
  let at = 0;
  let size: number | undefined;
  let etag: string | undefined;
  for (let breaks = 0; ; ) {
    throwIfAborted(signal);
    try {
      const response = await openObject(store, bucket, key, { from: at, etag, signal });
      etag ??= response.headers.etag?.replaceAll('"', '');
      size ??= Number(response.headers['content-length'] ?? 0);
      for await (const chunk of response) {
        await take(chunk as Buffer);
        at += (chunk as Buffer).length;
        breaks = 0;
        onBytes?.((chunk as Buffer).length);
      }
      if (at === size) return;
      throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
    } catch (error) {
      throwIfAborted(signal);
      // An empty object has no byte to go on from.
      if (!isBroken(error) || ++breaks > BREAKS)
        throw error instanceof DatamillError
          ? error
          : new DatamillError('DAMAGED', `${bucket}/${key} broke off after ${at} bytes`, { cause: error });
    }
  }
}

/** Writes an object to a stream that stays open. */
export async function readToStream(download: Download, key: string, stream: Writable): Promise<void> {
  await readObject(download, key, async (chunk) => {
    if (!stream.write(chunk)) await once(stream, 'drain', { signal: download.signal });
  });
}

/** Writes an object to a file, which is there only when all of it is. */
export async function readToFile(download: Download, key: string, file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const work = join(dirname(file), `.${basename(file).slice(0, 200)}.${process.pid}.part`);
  try {
    const handle = await open(work, 'w');
    try {
      await readObject(download, key, async (chunk) => {
        await handle.writeFile(chunk);
      });
    } finally {
      await handle.close();
    }
    await rename(work, file);
  } catch (error) {
    await rm(work, { force: true });
    throw error;
  }
}

/**
 * Where an object of a prefix goes in a folder; undefined for one that would leave the folder or
 * that no file can be called.
 */
export function pathOf(folder: string, prefix: string, { key }: StoredObject): string | undefined {
  const rest = key.slice(prefix.length);
  const parts = rest.split('/');
  const odd = parts.some((part) => part === '' || part === '.' || part === '..' || part.includes('\0'));
  return odd ? undefined : join(folder, ...parts);
}
