import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { DatamillError } from '../errors.ts';
import { StoreError } from './errors.ts';
import {
  abortUpload,
  beginUpload,
  completeUpload,
  listParts,
  listUploads,
  putPart,
  type Upload,
} from './multipart.ts';
import { listAll, putObject } from './objects.ts';
import {
  ChangedError,
  hasEtag,
  isLarge,
  md5,
  openLarge,
  type PartBuffers,
  partSize,
  readPart,
  readSmall,
} from './parts.ts';
import type { Store } from './store.ts';
import type { LocalFile } from './walk.ts';

export interface Sender {
  store: Store;
  buffers: PartBuffers;
  signal?: AbortSignal;
  /** Told of bytes that the store has. */
  onBytes(count: number): void;
}

/** Parts of one file at once. */
const PARTS = 4;
/** Milliseconds for giving an upload up when the run was interrupted. */
const FAREWELL = 5_000;

/** What browsers and notebooks want to know of a file; others are told nothing. */
const TYPES: Record<string, string> = {
  '.csv': 'text/csv',
  '.html': 'text/html',
  '.ipynb': 'application/x-ipynb+json',
  '.jpg': 'image/jpeg',
  '.json': 'application/json',
  '.md': 'text/markdown',
  '.parquet': 'application/vnd.apache.parquet',
  '.pdf': 'application/pdf',
  '.png': 'image/png',
  '.py': 'text/x-python',
  '.txt': 'text/plain',
};

/**
 * Sends a file. The digest of each request is signed, so the store refuses what was damaged on the way.
 *
 * @throws {StoreError}, {DatamillError} STORE_UNREACHABLE; other errors are about the file.
 */
export async function sendFile(file: LocalFile, sender: Sender): Promise<void> {
  if (isLarge(file.size)) return await sendLarge(file, sender);
  const { store, signal, onBytes } = sender;
  const body = readSmall(file.path, file.size);
  await putObject(store, file.bucket, file.key, body, { type: typeOf(file.key), signal });
  onBytes(file.size);
}

/** Another run may send the same file in the same upload: when that one ends it, there is no upload any more. */
async function sendLarge(file: LocalFile, sender: Sender): Promise<void> {
  try {
    await sendInParts(file, sender);
  } catch (error) {
    if (!(error instanceof StoreError && error.reason === 'NoSuchUpload')) throw error;
    if (!(await isThere(file, sender))) await sendInParts(file, sender);
  }
}

async function isThere({ bucket, key, path, size }: LocalFile, sender: Sender): Promise<boolean> {
  const { store, buffers, signal } = sender;
  const found = (await listAll(store, bucket, { prefix: key, signal }))?.get(key);
  return found?.size === size && (await hasEtag(path, size, found.etag, buffers));
}

async function sendInParts(file: LocalFile, sender: Sender): Promise<void> {
  const { store, signal } = sender;
  const upload = await findOrBegin(file, sender);
  try {
    const etags = await sendParts(file, upload, sender);
    const { size, mtimeMs } = await stat(file.path);
    if (size !== file.size || mtimeMs !== file.changed) throw new ChangedError();
    await completeUpload(store, upload, etags, { signal });
  } catch (error) {
    // Left alone, the parts would take room and nobody would see them.
    const away = error instanceof DatamillError && error.code === 'STORE_UNREACHABLE';
    if (signal?.aborted || !away)
      await abortUpload(store, upload, AbortSignal.timeout(FAREWELL)).catch(() => undefined);
    throw error;
  }
}

/** A run that was killed left an upload behind: its parts need not travel again. */
async function findOrBegin({ bucket, key }: LocalFile, { store, signal }: Sender): Promise<Upload> {
  const begun = await listUploads(store, bucket, key, signal);
  return begun.at(-1) ?? (await beginUpload(store, bucket, key, { type: typeOf(key), signal }));
}

async function sendParts(file: LocalFile, upload: Upload, sender: Sender): Promise<string[]> {
  const { store, buffers, signal, onBytes } = sender;
  const length = partSize(file.size);
  const count = Math.ceil(file.size / length);
  const there = new Map((await listParts(store, upload, signal)).map((part) => [part.number, part]));
  const etags: string[] = [];
  const handle = await openLarge(file.path);
  let next = 0;
  let failed = false;
  const sendNext = async (): Promise<void> => {
    while (next < count && !failed) {
      const index = next++;
      const from = index * length;
      const bytes = Math.min(length, file.size - from);
      await buffers.lend(length, async (buffer) => {
        const body = await readPart(handle, buffer, from, bytes);
        const digest = md5(body);
        const part = there.get(index + 1);
        const sent = part?.etag === digest && part.size === bytes;
        etags[index] = sent ? digest : await putPart(store, upload, index + 1, body, signal);
      });
      onBytes(bytes);
    }
  };
  const worker = () =>
    sendNext().catch((error) => {
      failed = true;
      throw error;
    });
  try {
    const ends = await Promise.allSettled(Array.from({ length: PARTS }, worker));
    const broken = ends.find((end) => end.status === 'rejected');
    if (broken !== undefined) throw broken.reason;
    return etags;
  } finally {
    await handle.close();
  }
}

function typeOf(key: string): string | undefined {
  return TYPES[extname(key).toLowerCase()];
}
