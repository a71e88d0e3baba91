import { setMaxListeners } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { DatamillError } from '../errors.ts';
import { makeBucket } from './buckets.ts';
import { compare } from './compare.ts';
import { StoreError } from './errors.ts';
import { deleteObjects, listAll } from './objects.ts';
import type { Pace } from './pace.ts';
import { ChangedError, isLarge, PartBuffers } from './parts.ts';
import type { Store } from './store.ts';
import { sendFile } from './upload.ts';
import { type LeftOut, type LocalFile, reasonOf, walk } from './walk.ts';

/** Files from which on the code that sends them is to be optimised. */
const MANY = 200;
/** V8's own, in Node 20. */
const USUAL_BUDGET = 135_168;

/** What is to be done to a bucket. */
export interface BucketPlan {
  bucket: string;
  /** Whether it is there. */
  exists: boolean;
  send: LocalFile[];
  unchanged: number;
  /** Keys that no file stands behind. */
  extra: string[];
  leftOut: LeftOut[];
}

export interface PushProgress {
  files: number;
  allFiles: number;
  bytes: number;
  allBytes: number;
}

/** A file that could not be sent. */
export interface Unsent {
  bucket: string;
  key: string;
  reason: string;
}

/** Compares folders with their buckets, one listing each; changes nothing. */
export async function planPush(
  store: Store,
  folder: string,
  buckets: readonly string[],
  signal?: AbortSignal,
): Promise<BucketPlan[]> {
  const buffers = new PartBuffers();
  return await Promise.all(
    buckets.map(async (bucket) => {
      const [stored, { files, leftOut }] = await Promise.all([
        listAll(store, bucket, { signal }),
        walk(folder, bucket, signal),
      ]);
      const compared = await compare(files, leftOut, stored ?? new Map(), buffers, signal);
      return { bucket, exists: stored !== undefined, leftOut, ...compared };
    }),
  );
}

/**
 * Carries a plan out: makes buckets, then sends files side by side. A file that cannot be sent is
 * no reason to stop; a store that is full, away or closed to us is.
 *
 * @throws {DatamillError} what is wrong with the store.
 */
export async function push(
  store: Store,
  plans: readonly BucketPlan[],
  options: { pace: Pace; signal?: AbortSignal; onProgress(progress: PushProgress): void },
): Promise<Unsent[]> {
  const { pace, signal, onProgress } = options;
  for (const { bucket, exists } of plans) if (!exists) await makeBucket(store, bucket, signal);
  // Large ones first, so that the last of them is not waited for alone.
  const files = plans.flatMap(({ send }) => send);
  const ordered = [
    ...files.filter(({ size }) => isLarge(size)),
    ...files.filter(({ size }) => !isLarge(size)),
  ];
  const progress = {
    files: 0,
    allFiles: files.length,
    bytes: 0,
    allBytes: files.reduce((sum, { size }) => sum + size, 0),
  };
  const unsent: Unsent[] = [];
  const stop = new AbortController();
  const sender = {
    store,
    buffers: new PartBuffers(),
    signal: signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]),
    onBytes: (count: number) => {
      progress.bytes += count;
      onProgress(progress);
    },
  };
  if (files.length > MANY) optimise();
  // Every request listens to it: many are no leak.
  setMaxListeners(0, sender.signal);
  await pace.each(ordered, async (file) => {
    sender.signal.throwIfAborted();
    try {
      await sendFile(file, sender);
      progress.files++;
      onProgress(progress);
    } catch (error) {
      if (!isOfFile(error) || signal?.aborted) {
        stop.abort(error);
        throw error;
      }
      unsent.push({ bucket: file.bucket, key: file.key, reason: wordsFor(file, error) });
    }
  });
  return unsent;
}

/** Deletes objects that no file stands behind. */
export async function prune(store: Store, plans: readonly BucketPlan[], signal?: AbortSignal): Promise<void> {
  for (const { bucket, extra } of plans)
    if (extra.length > 0) await deleteObjects(store, bucket, extra, signal);
}

/** The program asks V8 to optimise late, as most runs are short: with many files it is worth its while. */
function optimise(): void {
  if (process.version.startsWith('v20.')) setFlagsFromString(`--interrupt-budget=${USUAL_BUDGET}`);
}

/** Whether an error is about one file, so that others may still be sent. */
function isOfFile(error: unknown): boolean {
  if (error instanceof StoreError) return error.code === 'STORE_REFUSED' && error.status < 500;
  if (error instanceof DatamillError) return false;
  const { code, name } = error as NodeJS.ErrnoException;
  return error instanceof ChangedError || (code !== undefined && name !== 'AbortError');
}

/** Why, without the name of the file, which stands before it. */
function wordsFor({ bucket, key }: LocalFile, error: unknown): string {
  if (!(error instanceof StoreError)) return reasonOf(error);
  const { message } = error;
  const name = `${bucket}/${key}: `;
  return message.startsWith(name) ? message.slice(name.length) : message;
}
