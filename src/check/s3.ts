import { createHash, randomBytes } from 'node:crypto';
import { DatamillError } from '../errors.ts';
import {
  deleteObjects,
  listBuckets,
  makeBucket,
  openObject,
  openStore,
  putObject,
  removeBucket,
  type Store,
} from '../lake/index.ts';
import { final, notYet, refused } from './failure.ts';
import type { Attempt } from './subject.ts';

const MIB = 1024 * 1024;
const SIZE = 5 * MIB;
const KEY = 'check';
const OURS = /^datamill-check-[0-9a-f]{16}$/;
/** Nobody checks for so long, in milliseconds: a bucket of ours that is older was left by a run that was killed. */
const ABANDONED = 60 * 60 * 1000;
/** How long it may take to clean up, in milliseconds. */
const CLEANING = 5000;

/** Makes a bucket, puts an object, gets it back, compares it and deletes both. */
export async function checkS3({
  api,
  component,
  namespace,
  provides,
  signal,
  doing,
}: Attempt): Promise<string> {
  const { s3 } = provides;
  if (s3 === undefined)
    throw final(
      `${component} provides no s3, so there is no store to check`,
      'a check of the kind s3 uses what the component itself provides',
    );
  try {
    doing(`connecting to ${component}`);
    const store = await openStore(
      api,
      { name: component, namespace, fields: s3 },
      { onTrouble: (message) => doing(message) },
    );
    try {
      return await roundTrip(store, signal, doing);
    } finally {
      store.close();
    }
  } catch (error) {
    throw explained(error);
  }
}

async function roundTrip(store: Store, signal: AbortSignal, doing: Attempt['doing']): Promise<string> {
  const bucket = `datamill-check-${randomBytes(8).toString('hex')}`;
  const sent = randomBytes(SIZE);
  try {
    doing(`waiting for the bucket ${bucket} to be made`);
    await makeBucket(store, bucket, signal);
    doing(`putting ${SIZE / MIB} MiB into ${bucket}`);
    await putObject(store, bucket, KEY, sent, { signal });
    doing(`getting ${SIZE / MIB} MiB back from ${bucket}`);
    const { size, digest } = await read(store, bucket, signal);
    if (digest !== sha256(sent))
      throw final(
        `${SIZE} bytes were put, and ${size === SIZE ? 'others' : `${size}`} came back: the digests differ`,
      );
    doing(`deleting ${bucket}`);
    await remove(store, bucket, signal);
    return `${SIZE / MIB} MiB put into a new bucket came back the same (sha256 ${digest.slice(0, 12)}…)`;
  } finally {
    await clean(store, bucket);
  }
}

async function read(
  store: Store,
  bucket: string,
  signal: AbortSignal,
): Promise<{ size: number; digest: string }> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of await openObject(store, bucket, KEY, { signal })) {
    size += (chunk as Buffer).length;
    hash.update(chunk as Buffer);
  }
  return { size, digest: hash.digest('hex') };
}

/** Also when the check was ended, and also what runs that were killed have left. */
async function clean(store: Store, bucket: string): Promise<void> {
  const signal = AbortSignal.timeout(CLEANING);
  const before = Date.now() - ABANDONED;
  const buckets = await listBuckets(store, signal).catch(() => [{ name: bucket, created: '' }]);
  for (const { name, created } of buckets)
    if (name === bucket || (OURS.test(name) && Date.parse(created) < before))
      await remove(store, name, signal).catch(() => undefined);
}

async function remove(store: Store, bucket: string, signal: AbortSignal): Promise<void> {
  await deleteObjects(store, bucket, [KEY], signal);
  await removeBucket(store, bucket, signal);
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

const FINAL = ['STORE_SECRET', 'STORE_ABSENT', 'STORE_FULL', 'STORE_CLOCK', 'KUBE_FORBIDDEN'];

function explained(error: unknown): unknown {
  if (!(error instanceof DatamillError)) return notYet(error instanceof Error ? error.message : `${error}`);
  if (error.code === 'STORE_KEYS' || error.code === 'STORE_RIGHTS') return refused(error.message, error.hint);
  return FINAL.includes(error.code) ? final(error.message, error.hint) : error;
}
