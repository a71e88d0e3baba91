import { createHash, randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatamillError, errorMessage } from '../../errors.ts';
import type { Reservation } from '../allocator.ts';
import { Budget } from '../artifacts/archive.ts';
import type { ArtifactCache } from '../artifacts/cache.ts';
import type { Stores } from '../artifacts/stores.ts';
import type { Ended, Executor } from '../executors/contract.ts';
import type { Log } from '../log.ts';
import { createMask } from '../mask.ts';
import { type Request, secretsOf } from '../request.ts';
import { fetchArtifact } from './fetch.ts';
import { fetched, METADATA, returned } from './labels.ts';
import { secondsAllowed } from './limits.ts';
import { Metadata } from './metadata.ts';
import type { End, Outcome } from './outcome.ts';
import { type Claim, claim, finish } from './ownership.ts';
import { Returns } from './returns.ts';
import { tailOf } from './tail.ts';
import { type Watching, watch } from './watch.ts';

export interface AttemptSettings {
  host: string;
  stores: Stores;
  cache: ArtifactCache;
  executor: Executor;
  /** Folder in which attempts get their folders. */
  workingDir: string;
  /** Milliseconds after which a silent worker has lost its experiment. */
  leaseTtl: number;
  schemaLogs: boolean;
  /** Told how many directives of an experiment could not be used. */
  onScrapeErrors?(count: number): void;
}

export interface AttemptOptions {
  request: Request;
  /** SHA-256 of the message. */
  digest: string;
  /** How often it was tried, this time included, as far as the queue knows. */
  attempt: number;
  resources: Reservation;
  settings: AttemptSettings;
  /** Ends it; the reason is a `Stop`. */
  signal: AbortSignal;
  log: Log;
}

/** Why an attempt is ended from outside. */
export class Stop extends Error {
  readonly end: End;

  constructor(end: End, message: string) {
    super(message);
    this.end = end;
  }
}

/** Errors that will be the same at the next attempt. */
const FINAL = new Set([
  'BAD_REQUEST',
  'BAD_ARTIFACT',
  'FILE_ARTIFACT',
  'NO_KEYS',
  'HOSTILE_ARCHIVE',
  'BAD_ARCHIVE',
  'DISK_BUDGET',
  'BAD_PACKAGE',
]);

/** Runs an experiment once, from its artifacts to its results; it never throws for what experiments do. */
export async function runAttempt(options: AttemptOptions): Promise<Outcome> {
  const { attempt, signal } = options;
  const outcome = (end: End, reason: string, attempts = attempt): Outcome => ({
    end,
    reason,
    tail: '',
    attempts,
  });
  try {
    const claimed = await claim(options);
    if ('end' in claimed) return outcome(claimed.end, claimed.reason);
    return await runClaimed(options, claimed);
  } catch (error) {
    if (signal.aborted) return outcome(stopOf(signal).end, stopOf(signal).message);
    return outcome(endOf(error), errorMessage(error));
  }
}

async function runClaimed(options: AttemptOptions, claimed: Claim): Promise<Outcome> {
  const { request, settings, log } = options;
  const attempts = Math.max(options.attempt, claimed.lease?.attempts ?? 0);
  const folder = await makeFolder(settings.workingDir, request);
  const controller = new AbortController();
  const forward = () => controller.abort(stopOf(options.signal));
  options.signal.addEventListener('abort', forward);
  if (options.signal.aborted) forward();
  claimed.lease?.lost.addEventListener('abort', () =>
    controller.abort(new Stop('lost', 'another worker has taken the experiment over')),
  );
  const run = new Run({ ...options, attempt: attempts }, claimed, folder, controller);
  try {
    const ended = await run.whole();
    log('debug', `attempt ${attempts}: ${ended.end}`, { reason: ended.reason });
    return { ...ended, attempts, tail: await tailOf(folder.log) };
  } finally {
    options.signal.removeEventListener('abort', forward);
    await rm(folder.root, { recursive: true, force: true }).catch(() => undefined);
  }
}

/** One attempt that has the lease and a folder. */
class Run {
  readonly #options: AttemptOptions;
  readonly #claim: Claim;
  readonly #folder: { root: string; log: string };
  readonly #controller: AbortController;
  #returns?: Returns;
  #metadata?: Metadata;

  constructor(
    options: AttemptOptions,
    claimed: Claim,
    folder: { root: string; log: string },
    controller: AbortController,
  ) {
    this.#options = options;
    this.#claim = claimed;
    this.#folder = folder;
    this.#controller = controller;
  }

  async whole(): Promise<{ end: End; reason: string }> {
    let ended: { end: End; reason: string };
    try {
      await this.#prepare();
      ended = await this.#execute();
    } catch (error) {
      ended = this.#controller.signal.aborted
        ? stopOf(this.#controller.signal)
        : { end: endOf(error), reason: errorMessage(error) };
    }
    try {
      return await this.#store(ended);
    } catch (error) {
      const lost =
        this.#claim.lease?.lost.aborted || codeOf(error) === 'LEASE_LOST' || codeOf(error) === 'CONFLICT';
      if (lost) return { end: 'lost', reason: errorMessage(error) };
      await this.#claim.lease?.release({ counted: ended.end !== 'drained' });
      const why = `the results cannot be stored: ${errorMessage(error)}`;
      return { end: ended.end === 'drained' ? 'drained' : 'failed', reason: why };
    }
  }

  async #prepare(): Promise<void> {
    const { request, settings, resources, attempt } = this.#options;
    const { root, log } = this.#folder;
    const { signal } = this.#controller;
    const { places, lease, conditional } = this.#claim;
    if (lease !== undefined) this.#returns = new Returns({ root, lease, conditional });
    const budget = new Budget(resources.hdd);
    const options = { root, budget, cache: settings.cache, signal };
    for (const one of fetched(request)) {
      if (one.label === METADATA) continue;
      const version = await fetchArtifact(one, places.get(one.label)!, options);
      if (one.artifact.mutable) await this.#returns?.begin(one.label, version);
    }
    for (const label of ['workspace', 'output']) await mkdir(join(root, label), { recursive: true });
    await writeFile(log, '', { mode: 0o600 });
    const place = places.get(METADATA);
    const { host, schemaLogs } = settings;
    if (place !== undefined && request.experiment.artifacts?.[METADATA]?.mutable)
      this.#metadata = await Metadata.begin({ request, host, root, log, place, attempt, schemaLogs, signal });
  }

  async #execute(): Promise<{ end: End; reason: string }> {
    const { request, settings, resources, log } = this.#options;
    const { signal } = this.#controller;
    const seconds = secondsAllowed(request);
    if (seconds === 0)
      return { end: 'expired', reason: 'the time of the experiment was over before it began' };
    const watching = this.#watch(seconds);
    try {
      const ended = await settings.executor.run({
        request,
        folder: this.#folder,
        resources,
        signal,
        mask: createMask(secretsOf(request)),
        onOutput: watching.output,
        doing: (what) => {
          log('debug', what);
          void this.#metadata?.note(`${new Date().toISOString()} ${what}`);
        },
      });
      if (signal.aborted) return stopOf(signal);
      return judged(ended);
    } finally {
      await watching.end();
    }
  }

  #watch(seconds: number): Watching {
    const { request, log } = this.#options;
    return watch({
      request,
      seconds,
      places: this.#claim.places,
      returns: this.#returns,
      metadata: this.#metadata,
      log,
      stop: (end, reason) => this.#controller.abort(new Stop(end, reason)),
    });
  }

  /** Sends everything back, the results last. What was lost is not sent. */
  async #store(ended: { end: End; reason: string }): Promise<{ end: End; reason: string }> {
    if (ended.end === 'lost') return ended;
    const { request, settings, digest } = this.#options;
    const { places, lease } = this.#claim;
    const sent: Record<string, { name: string }> = {};
    this.#metadata?.record(finalWords(ended));
    await this.#metadata?.note(`${new Date().toISOString()} ${ended.end}: ${ended.reason}`);
    for (const { label } of returned(request)) {
      await this.#returns?.send(label, places.get(label)!);
      if (await this.#returns?.holds(label)) sent[label] = { name: label };
    }
    await this.#metadata?.save({ last: true });
    settings.onScrapeErrors?.(this.#metadata?.errors ?? 0);
    const { end, reason } = ended;
    await finish(this.#claim, {
      end,
      scratch: join(this.#folder.root, '_runner'),
      results: {
        exit_msg: end === 'succeeded' ? 'ok' : reason,
        experiment_id: request.experiment.key,
        host: settings.host,
        artifacts: sent,
        schema: 1,
        request: digest,
        epoch: lease?.epoch ?? 0,
      },
    });
    return ended;
  }
}

function judged({ exitCode, killed }: Ended): { end: End; reason: string } {
  if (killed !== undefined) return { end: 'failed', reason: killed };
  if (exitCode === 0) return { end: 'succeeded', reason: 'ok' };
  return { end: 'failed', reason: `the program ended with exit code ${exitCode}` };
}

const STATUS: Partial<Record<End, string>> = {
  succeeded: 'completed',
  drained: 'waiting',
  expired: 'expired',
};

function finalWords({ end, reason }: { end: End; reason: string }) {
  const stop = new Date().toISOString();
  const status = STATUS[end] ?? (end === 'stopped' || end === 'aborted' ? 'stopped' : 'failed');
  return { runner: { stop }, studioml: { status, stop_time: stop, ...(reason === 'ok' ? {} : { reason }) } };
}

function stopOf(signal: AbortSignal): { end: End; reason: string; message: string } {
  const { reason } = signal;
  if (reason instanceof Stop) return { end: reason.end, reason: reason.message, message: reason.message };
  return { end: 'drained', reason: errorMessage(reason), message: errorMessage(reason) };
}

function codeOf(error: unknown): string {
  return error instanceof DatamillError ? error.code : '';
}

function endOf(error: unknown): End {
  const code = codeOf(error);
  if (code === 'LEASE_LOST') return 'lost';
  return FINAL.has(code) ? 'rejected' : 'failed';
}

async function makeFolder(
  workingDir: string,
  { experiment }: Request,
): Promise<{ root: string; log: string }> {
  const name = createHash('sha256').update(experiment.key).digest('hex').slice(0, 16);
  const root = join(workingDir, 'experiments', `${name}.${randomUUID().slice(0, 8)}`);
  await mkdir(join(root, '_runner'), { recursive: true, mode: 0o700 });
  return { root, log: join(root, 'output', 'output') };
}
