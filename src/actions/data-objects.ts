import { existsSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Writable } from 'node:stream';
import { configError, DatamillError } from '../errors.ts';
import type { Bucket, Store } from '../lake/index.ts';
import type { StoredObject } from '../lake/objects.ts';
import { progressWords } from '../util/bytes.ts';
import { openFlavourStore } from './data-store.ts';
import { type ActionOptions, openSession } from './session.ts';

/** Milliseconds between two words on how far it is. */
const TELL = 500;

/** A bucket and what is meant in it: everything, a prefix, or an object. */
export interface Place {
  bucket: string;
  /** Empty for the bucket itself; ends with a slash for a folder. */
  key: string;
}

/**
 * Reads `BUCKET[/KEY]`; `s3://` before it is borne.
 *
 * @throws {DatamillError} BUCKET_NAME (exit 2).
 */
export async function parsePlace(text: string): Promise<Place> {
  const { checkBucketNames } = await import('../lake/index.ts');
  const bare = text.replace(/^s3:\/\//, '');
  const slash = bare.indexOf('/');
  const bucket = slash === -1 ? bare : bare.slice(0, slash);
  checkBucketNames([bucket], 'write BUCKET/KEY');
  return { bucket, key: slash === -1 ? '' : bare.slice(slash + 1) };
}

/** Runs work with the object store of the flavour. */
async function withStore<T>(options: ActionOptions, work: (store: Store) => Promise<T>): Promise<T> {
  const session = await openSession(options, 'connect');
  try {
    const store = await openFlavourStore(session, {
      onTrouble: (message) => options.report({ type: 'step', phase: 'data', state: 'running', message }),
    });
    try {
      return await work(store);
    } finally {
      store.close();
    }
  } finally {
    session.close();
  }
}

/** The buckets of the store. */
export async function dataBucketList(options: ActionOptions): Promise<Bucket[]> {
  const { listBuckets } = await import('../lake/index.ts');
  return await withStore(options, (store) => listBuckets(store, options.signal));
}

/** Makes a bucket; false when it was there. */
export async function dataMake(options: ActionOptions, bucket: string): Promise<boolean> {
  const { checkBucketNames, makeBucket } = await import('../lake/index.ts');
  checkBucketNames([bucket], 'letters, digits and hyphens always do');
  return await withStore(options, (store) => makeBucket(store, bucket, options.signal));
}

export interface DataListing {
  folders: string[];
  objects: StoredObject[];
}

/** What lies directly below a place or, `recursive`, anywhere below it. */
export async function dataList(
  options: ActionOptions,
  place: Place,
  recursive: boolean,
): Promise<DataListing> {
  const { signal } = options;
  return await withStore(options, (store) => listPlace(store, place, { recursive, signal }));
}

async function listPlace(
  store: Store,
  { bucket, key }: Place,
  { recursive, signal }: { recursive: boolean; signal?: AbortSignal },
): Promise<DataListing> {
  const { listPages } = await import('../lake/objects.ts');
  const listing: DataListing = { folders: [], objects: [] };
  const delimiter = recursive ? undefined : '/';
  for await (const { folders, objects } of listPages(store, bucket, { prefix: key, delimiter, signal })) {
    listing.folders.push(...folders);
    listing.objects.push(...objects);
  }
  return listing;
}

export interface GetOptions extends ActionOptions {
  /** A file or folder, or a stream; default: a file or folder named as the object, here. */
  to?: string | Writable;
  /** Replace files that are there. */
  overwrite: boolean;
}

export interface GetResult {
  files: Array<{ key: string; file: string; bytes: number }>;
  /** Keys that no file can be called. */
  refused: string[];
}

/**
 * Fetches an object, or all below a prefix that ends with a slash.
 *
 * @throws {DatamillError} FILE_EXISTS (exit 2) before anything is written; NO_SUCH_OBJECT.
 */
export async function dataGet(options: GetOptions, place: Place): Promise<GetResult> {
  const { to, signal } = options;
  return await withStore(options, async (store) => {
    if (to === undefined || typeof to === 'string') return await getFiles(store, place, to, options);
    const { readToStream } = await import('../lake/download.ts');
    if (isFolder(place))
      throw configError('NO_STREAM', 'several objects cannot go to one stream', {
        hint: 'name a folder, not -',
      });
    await readToStream({ store, bucket: place.bucket, signal }, place.key, to);
    return { files: [], refused: [] };
  });
}

function isFolder({ key }: Place): boolean {
  return key === '' || key.endsWith('/');
}

interface Target {
  object: StoredObject;
  /** Undefined when no file can be called so. */
  file: string | undefined;
}

async function getFiles(
  store: Store,
  place: Place,
  to: string | undefined,
  { overwrite, signal, report }: GetOptions,
): Promise<GetResult> {
  const [{ pathOf, readToFile }, { Pace }] = await Promise.all([
    import('../lake/download.ts'),
    import('../lake/pace.ts'),
  ]);
  const { bucket, key } = place;
  const { objects } = await listPlace(store, place, { recursive: true, signal });
  const folder = isFolder(place);
  // Some tools make empty objects that stand for folders.
  const wanted = objects.filter((object) => (folder ? !object.key.endsWith('/') : object.key === key));
  if (wanted.length === 0) throw noSuchObject(place, objects);
  const into = to ?? (basename(key) || bucket);
  const targets = wanted.map(
    (object): Target => ({
      object,
      file: folder ? pathOf(into, key, object) : fileFor(into, key),
    }),
  );
  if (!overwrite) refuseExisting(targets);
  const tell = teller(wanted, report);
  const files: GetResult['files'] = [];
  await new Pace().each(targets, async ({ object, file }) => {
    if (file === undefined) return;
    await readToFile({ store, bucket, signal, onBytes: (count) => tell(count, 0) }, object.key, file);
    tell(0, 1);
    files.push({ key: object.key, file, bytes: object.size });
  });
  return { files, refused: targets.filter(({ file }) => file === undefined).map(({ object }) => object.key) };
}

function fileFor(to: string, key: string): string {
  const folder = to.endsWith('/') || (existsSync(to) && statSync(to).isDirectory());
  return folder ? join(to, basename(key)) : to;
}

function refuseExisting(targets: readonly Target[]): void {
  const there = targets.flatMap(({ file }) => (file !== undefined && existsSync(file) ? [file] : []));
  if (there.length === 0) return;
  const [first] = there;
  throw configError(
    'FILE_EXISTS',
    there.length === 1
      ? `${first} is there already`
      : `${there.length} files are there already, such as ${first}`,
    { hint: 'name another file or folder, or give --yes to replace them' },
  );
}

/** Tells how far it is now and then. */
function teller(wanted: readonly StoredObject[], report: ActionOptions['report']) {
  const progress = {
    files: 0,
    allFiles: wanted.length,
    bytes: 0,
    allBytes: wanted.reduce((sum, { size }) => sum + size, 0),
  };
  const started = Date.now();
  let last = started;
  return (bytes: number, files: number) => {
    progress.bytes += bytes;
    progress.files += files;
    if (Date.now() - last < TELL) return;
    last = Date.now();
    const message = progressWords(progress, (last - started) / 1000);
    report({ type: 'step', phase: 'data', state: 'running', message, progress: { ...progress } });
  };
}

function noSuchObject({ bucket, key }: Place, objects: readonly StoredObject[]): DatamillError {
  if (key === '') return new DatamillError('NO_SUCH_OBJECT', `the bucket ${bucket} is empty`);
  const below = objects.some((object) => object.key.startsWith(`${key}/`));
  return new DatamillError('NO_SUCH_OBJECT', `there is no object ${bucket}/${key}`, {
    hint: below
      ? `it is a folder: \`datamill data get ${bucket}/${key}/\``
      : `\`datamill data ls ${bucket}\` lists what is there`,
  });
}

export interface RemoveOptions extends ActionOptions {
  /** Also what is not empty. */
  recursive: boolean;
  /** Asked before anything is deleted. */
  agree(keys: readonly string[]): Promise<boolean>;
}

/**
 * Deletes an object, all below a prefix, or a bucket with what is in it.
 *
 * @returns how many objects were deleted; undefined when `agree` said no.
 * @throws {DatamillError} NOT_EMPTY (exit 2) without `recursive`; NO_SUCH_OBJECT, NO_SUCH_BUCKET.
 */
export async function dataRemove(options: RemoveOptions, place: Place): Promise<number | undefined> {
  const { signal, recursive, agree } = options;
  return await withStore(options, async (store) => {
    const { objects } = await listPlace(store, place, { recursive: true, signal });
    const keys = objects.map(({ key }) => key).filter((key) => isFolder(place) || key === place.key);
    if (keys.length === 0 && place.key !== '') throw noSuchObject(place, objects);
    if (keys.length > 0 && isFolder(place) && !recursive)
      throw configError('NOT_EMPTY', `${keys.length} objects are in ${place.bucket}/${place.key}`, {
        hint: 'give --recursive to delete them too',
      });
    if (!(await agree(keys))) return undefined;
    await removeFrom(store, place, keys, signal);
    return keys.length;
  });
}

async function removeFrom(
  store: Store,
  { bucket, key }: Place,
  keys: readonly string[],
  signal?: AbortSignal,
) {
  const [{ deleteObjects }, { removeBucket }, { abortUpload, listUploads }] = await Promise.all([
    import('../lake/objects.ts'),
    import('../lake/buckets.ts'),
    import('../lake/multipart.ts'),
  ]);
  await deleteObjects(store, bucket, keys, signal);
  if (key !== '') return;
  for (const upload of await listUploads(store, bucket, undefined, signal))
    await abortUpload(store, upload, signal);
  await removeBucket(store, bucket, signal);
}
