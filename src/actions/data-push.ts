import { existsSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { configError, type DatamillError } from '../errors.ts';
import type { BucketPlan, PushProgress, Unsent } from '../lake/push.ts';
import type { LeftOut } from '../lake/walk.ts';
import type { Resolved } from '../resolve/types.ts';
import { formatSize, progressWords } from '../util/bytes.ts';
import { openFlavourStore } from './data-store.ts';
import { dataFolderOf } from '../resolve/data-mount.ts';
import type { DataSummaryEvent } from './events.ts';
import { abortError } from './run.ts';
import { type ActionOptions, openSession, type Session } from './session.ts';

export interface DataPushOptions extends ActionOptions {
  /** Only these; default all folders. */
  buckets?: readonly string[];
  /** Delete objects that no file stands behind, once `agree` says so. */
  prune?: boolean;
  /** Compare only. */
  dryRun?: boolean;
  /** Asked before anything is deleted, with all that will be. */
  agree?(plans: readonly BucketPlan[]): Promise<boolean>;
}

/** What became of one bucket. */
export interface BucketResult {
  bucket: string;
  created: boolean;
  sent: number;
  unchanged: number;
  /** Objects that no file stands behind, and whether they were deleted. */
  extra: number;
  removed: number;
}

export interface DataPushResult {
  folder: string;
  buckets: BucketResult[];
  /** Refused by us, by the file system or by the store. */
  unsent: Unsent[];
  /** Left out on purpose: hidden, ignored, no files. */
  leftOut: LeftOut[];
  summary: DataSummaryEvent;
  error?: DatamillError;
}

/** Milliseconds between two words on how far it is. */
const TELL = 500;
/** Milliseconds between two words on what is wrong, and how long one may be. */
const CALM = 2000;
const LONGEST = 200;

/**
 * Sends what is new or changed in the data folder of a flavour to its object store.
 *
 * @throws {DatamillError} before anything is sent: NO_DATA_FOLDER, BUCKET_NAME (exit 2), SIMULATED (3), …
 */
export async function dataPush(options: DataPushOptions): Promise<DataPushResult> {
  const session = await openSession(options, 'connect');
  try {
    const result = await pushFolder(session, options);
    const state = result.summary.result === 'ok' ? 'done' : 'failed';
    options.report({ type: 'step', phase: 'data', state, message: pushWords(result) });
    return result;
  } finally {
    session.close();
  }
}

/** What became of a push, in a line. */
export function pushWords({ summary, unsent }: DataPushResult): string {
  const { sent, bytes, result, dryRun } = summary;
  const [first] = unsent;
  if (first !== undefined) return `${unsent.length} not sent: ${first.bucket}/${first.key}: ${first.reason}`;
  if (result === 'interrupted') return `interrupted, ${formatSize(bytes)} sent`;
  if (sent === 0) return 'unchanged';
  return `${sent} files${dryRun ? ' to send' : ' sent'}, ${formatSize(bytes)}`;
}

/** The folder and its buckets, checked: every name is one that S3 takes. */
async function dataBuckets(
  resolved: Resolved,
  only: readonly string[] = [],
): Promise<{ folder: string; buckets: string[] }> {
  const folder = dataFolderOf(resolved);
  if (folder === undefined)
    throw configError('NO_DATA_FOLDER', 'the flavour names no data_folder', {
      at: { file: resolved.file },
      hint: 'say where it is: `project: { data_folder: data }`; each folder in it becomes a bucket',
    });
  if (!existsSync(folder) || !statSync(folder).isDirectory())
    throw configError('NO_DATA_FOLDER', `the data folder ${folder} is not there`, {
      at: { file: resolved.file },
      hint: 'make it, with one folder for each bucket, or name another in project.data_folder',
    });
  const [{ checkBucketNames }, { bucketFolders }] = await Promise.all([
    import('../lake/index.ts'),
    import('../lake/walk.ts'),
  ]);
  const all = bucketFolders(folder);
  const missing = only.find((name) => !all.includes(name));
  if (missing !== undefined)
    throw configError('NO_SUCH_FOLDER', `there is no folder "${missing}" in ${folder}`, {
      hint: all.length === 0 ? 'there are no folders in it' : `there are ${all.join(', ')}`,
    });
  const buckets = only.length === 0 ? all : [...new Set(only)];
  checkBucketNames(buckets, `rename the folder in ${folder}`);
  return { folder, buckets };
}

/** Pushes the data folder in a session that is open; `up` does it too. */
export async function pushFolder(session: Session, options: DataPushOptions): Promise<DataPushResult> {
  const started = Date.now();
  const { report, signal, prune, dryRun } = options;
  const { folder, buckets } = await dataBuckets(session.resolved, options.buckets);
  const [lake, { Pace }] = await Promise.all([import('../lake/push.ts'), import('../lake/pace.ts')]);
  const pace = new Pace();
  const tell = (message: string, progress?: PushProgress) =>
    report({ type: 'step', phase: 'data', state: 'running', message, progress: progress && { ...progress } });
  const store = await openFlavourStore(session, { onTrouble: calmly(tell), onBusy: () => pace.slower() });
  const done: Progress = { files: 0, allFiles: 0, bytes: 0, allBytes: 0 };
  let plans: BucketPlan[] = [];
  let unsent: Unsent[] = [];
  let removed = false;
  let error: DatamillError | undefined;
  try {
    tell(`comparing ${basename(folder)} with ${store.name}`);
    plans = await lake.planPush(store, folder, buckets, signal);
    removed = prune === true && !dryRun && plans.some(({ extra }) => extra.length > 0);
    if (removed && options.agree !== undefined) removed = await options.agree(plans);
    if (!dryRun) {
      unsent = await lake.push(store, plans, { pace, signal, onProgress: every(TELL, started, done, tell) });
      if (removed) await lake.prune(store, plans, signal);
    }
  } catch (thrown) {
    if (!signal?.aborted) throw thrown;
    error = abortError(signal);
  } finally {
    store.close();
  }
  return resultOf({
    folder,
    plans,
    unsent,
    removed,
    dryRun: dryRun === true,
    bytes: done.bytes,
    started,
    error,
  });
}

type Progress = PushProgress;

/** Many requests meet the same trouble at once, and say so in many words. */
function calmly(tell: (message: string) => void): (message: string) => void {
  let last = 0;
  return (message) => {
    if (Date.now() - last < CALM) return;
    last = Date.now();
    tell(message.length > LONGEST ? `${message.slice(0, LONGEST)}…` : message);
  };
}

/** Tells how far it is now and then, and keeps the numbers. */
function every(
  milliseconds: number,
  started: number,
  done: Progress,
  tell: (message: string, progress: PushProgress) => void,
): (progress: PushProgress) => void {
  let last = 0;
  return (progress) => {
    Object.assign(done, progress);
    const now = Date.now();
    if (now - last < milliseconds) return;
    last = now;
    tell(progressWords(progress, (now - started) / 1000), progress);
  };
}

interface Outcome {
  folder: string;
  plans: readonly BucketPlan[];
  unsent: readonly Unsent[];
  removed: boolean;
  dryRun: boolean;
  bytes: number;
  started: number;
  error?: DatamillError;
}

function resultOf({
  folder,
  plans,
  unsent,
  removed,
  dryRun,
  bytes,
  started,
  error,
}: Outcome): DataPushResult {
  const refused = plans.flatMap(({ leftOut }) => leftOut.filter((one) => one.refused));
  const all = [...refused, ...unsent];
  const buckets = plans.map(({ bucket, exists, send, unchanged, extra }) => ({
    bucket,
    created: !exists,
    sent: send.length - unsent.filter((one) => one.bucket === bucket).length,
    unchanged,
    extra: extra.length,
    removed: removed ? extra.length : 0,
  }));
  const sum = (key: 'sent' | 'unchanged' | 'removed') => buckets.reduce((total, one) => total + one[key], 0);
  const result = error !== undefined ? 'interrupted' : all.length > 0 ? 'failed' : 'ok';
  const planned = plans.flatMap(({ send }) => send).reduce((total, { size }) => total + size, 0);
  return {
    folder,
    buckets,
    unsent: all,
    leftOut: plans.flatMap(({ leftOut }) => leftOut.filter((one) => !one.refused)),
    error,
    summary: {
      type: 'summary',
      result,
      dryRun,
      sent: sum('sent'),
      unchanged: sum('unchanged'),
      removed: sum('removed'),
      failed: all.length,
      bytes: dryRun ? planned : bytes,
      seconds: Math.round((Date.now() - started) / 100) / 10,
    },
  };
}
