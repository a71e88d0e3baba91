import { setTimeout as sleep } from 'node:timers/promises';
import { type DatamillError, lockError } from '../errors.ts';
import type { Api } from './client.ts';
import { isFault, isStatus } from './errors.ts';
import { holderIsDead, holderName, holderOf, isOwn, ownAnnotations } from './holder.ts';
import { type Identity, ownLabels } from './labels.ts';
import type { KubeObject } from './types.ts';

const NAME = 'datamill';

/** Milliseconds. */
const TIMING = {
  /** So often that the API server may be away for 20 s without the lock being lost. */
  renewEvery: 2500,
  /** How long one renewal may take. */
  renewTimeout: 5000,
  renewAgain: 500,
  /** Without a renewal for this long, the user is told. */
  silentAfter: 6000,
  /** Without a renewal for this long we stop, in time for `staleAfter`. */
  lostAfter: 24_000,
  /** A lease that has not changed for this long, by our own clock, has lost its holder. */
  staleAfter: 30_000,
  pollEvery: 1000,
  /** How long faults are borne while the lock is taken. */
  patience: 60_000,
};

export interface LockOptions {
  /** Wait for the other holder instead of giving up. */
  wait: boolean;
  signal?: AbortSignal;
  /** Told once who holds the lock while we wait. */
  onWait?(holder: string): void;
  /** Called before the lock of a dead process of this machine is taken. */
  onTakeOver?(holder: string): Promise<void>;
  /** Called when the API server has not answered for a while, and when it does again. */
  onSilence?(silent: boolean): void;
  /** Called when the lock is lost: stop what you do. */
  onLost(error: DatamillError): void;
  timing?: Partial<typeof TIMING>;
}

export interface Lock {
  release(): Promise<void>;
}

/** The Lease of one namespace. */
class Lease {
  readonly #api: Api;
  readonly #path: string;
  readonly #identity: Identity;

  constructor(api: Api, identity: Identity) {
    this.#api = api;
    this.#path = `/apis/coordination.k8s.io/v1/namespaces/${identity.namespace}/leases`;
    this.#identity = identity;
  }

  find(signal?: AbortSignal, retryFor?: number): Promise<KubeObject | undefined> {
    return this.#api.find<KubeObject>(`${this.#path}/${NAME}`, { signal, retryFor });
  }

  /** Takes a lease that is free; undefined when somebody was faster. */
  async take(free: KubeObject | undefined, seconds: number): Promise<KubeObject | undefined> {
    const now = timestamp();
    const spec = {
      holderIdentity: holderName(),
      leaseDurationSeconds: seconds,
      acquireTime: now,
      renewTime: now,
    };
    const metadata = { name: NAME, labels: ownLabels(this.#identity), annotations: ownAnnotations() };
    if (free !== undefined) return this.put({ ...free, metadata: { ...free.metadata, ...metadata }, spec });
    const body = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec };
    return unlessConflict(this.#api.request<KubeObject>('POST', this.#path, { body, retryFor: 0 }));
  }

  /** Writes only if nobody else did since: the resource version goes with it. */
  put(body: KubeObject, signal?: AbortSignal): Promise<KubeObject | undefined> {
    return unlessConflict(
      this.#api.request<KubeObject>('PUT', `${this.#path}/${NAME}`, { body, retryFor: 0, signal }),
    );
  }

  /** Deletes it if nobody wrote to it since. */
  async delete({ metadata: { uid, resourceVersion } }: KubeObject): Promise<boolean> {
    const body = {
      kind: 'DeleteOptions',
      apiVersion: 'v1',
      preconditions: { uid, resourceVersion },
    };
    const gone = this.#api.request('DELETE', `${this.#path}/${NAME}`, { body, retryFor: 0 });
    return (await unlessConflict(gone)) !== undefined;
  }
}

/**
 * Takes the lock of a namespace: the Lease `datamill`, renewed as long as it is held.
 *
 * @throws {DatamillError} LOCKED (exit 6) with the holder and since when, unless `wait` is set.
 */
export async function acquireLock(api: Api, identity: Identity, options: LockOptions): Promise<Lock> {
  const timing = { ...TIMING, ...options.timing };
  const lease = new Lease(api, identity);
  let seen: { version?: string; at: number; first: boolean } | undefined;
  let told = false;
  let troubled: number | undefined;
  for (;;) {
    options.signal?.throwIfAborted();
    const there = await lease.find(options.signal);
    const version = there?.metadata.resourceVersion;
    if (seen?.version !== version) seen = { version, at: Date.now(), first: seen === undefined };
    if (there === undefined || (await isFree(there, Date.now() - seen!.at > timing.staleAfter, options))) {
      const sent = Date.now();
      troubled ??= sent;
      const patient = sent - troubled < timing.patience;
      try {
        const taken = await lease.take(there, timing.staleAfter / 1000);
        if (taken !== undefined) return new Held(lease, taken, sent, timing, options);
        if (!patient) throw unwritableError(identity);
      } catch (error) {
        if (!isFault(error) || !patient) throw error;
      }
      await sleep(timing.pollEvery / 5, undefined, { signal: options.signal });
      continue;
    }
    troubled = undefined;
    // One that looks abandoned is watched for as long as it takes to be sure.
    if (!options.wait && !(seen!.first && looksStale(there, timing.staleAfter)))
      throw lockedError(there, identity);
    if (!told) options.onWait?.(describe(there));
    told = true;
    await sleep(timing.pollEvery, undefined, { signal: options.signal });
  }
}

async function isFree(lease: KubeObject, unchanged: boolean, options: LockOptions): Promise<boolean> {
  if (holderOf(lease) === '' || isOwn(lease) || unchanged) return true;
  if (!holderIsDead(lease)) return false;
  await options.onTakeOver?.(holderOf(lease));
  return true;
}

/** By the clock of the holder, which may be wrong: only a reason to look twice. */
function looksStale({ spec }: KubeObject, staleAfter: number): boolean {
  return !(Date.now() - Date.parse(String(spec?.renewTime)) < staleAfter);
}

function timestamp(): string {
  return `${new Date().toISOString().slice(0, -1)}000Z`;
}

async function unlessConflict<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (isStatus(error, 409) || isStatus(error, 404)) return undefined;
    throw error;
  }
}

/** A lock that is held: renewed until it is released or lost. */
class Held implements Lock {
  readonly #lease: Lease;
  readonly #timing: typeof TIMING;
  readonly #options: LockOptions;
  readonly #stop = new AbortController();
  readonly #watchdog: NodeJS.Timeout;
  readonly #renewing: Promise<void>;
  #held: KubeObject;
  #renewed: number;
  #silent = false;

  constructor(lease: Lease, held: KubeObject, taken: number, timing: typeof TIMING, options: LockOptions) {
    this.#lease = lease;
    this.#held = held;
    this.#renewed = taken;
    this.#timing = timing;
    this.#options = options;
    this.#watchdog = setInterval(() => this.#watch(), timing.renewAgain);
    this.#watchdog.unref();
    this.#renewing = this.#keep();
  }

  async release(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#end();
    await this.#renewing;
    await release(this.#lease, Date.now() + this.#timing.renewTimeout);
  }

  #end(): void {
    this.#stop.abort();
    clearInterval(this.#watchdog);
  }

  #lose(why: string): void {
    if (this.#stop.signal.aborted) return;
    this.#end();
    const hint = 'nothing more was started; run the command again';
    this.#options.onLost(lockError('LOCK_LOST', `the lock was lost: ${why}`, { hint }));
  }

  #watch(): void {
    const age = Date.now() - this.#renewed;
    if (age > this.#timing.lostAfter)
      this.#lose(
        `it could not be renewed for ${Math.round(age / 1000)} s, as the API server does not answer`,
      );
    else if (age > this.#timing.silentAfter) this.#tell(true);
  }

  #tell(silent: boolean): void {
    if (silent !== this.#silent) this.#options.onSilence?.(silent);
    this.#silent = silent;
  }

  async #keep(): Promise<void> {
    const { renewEvery, renewAgain } = this.#timing;
    for (let wait = renewEvery; ; wait = (await this.#renew()) ? renewEvery : renewAgain) {
      await sleep(wait, undefined, { signal: this.#stop.signal, ref: false }).catch(() => undefined);
      if (this.#stop.signal.aborted) return;
    }
  }

  async #renew(): Promise<boolean> {
    const sent = Date.now();
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(this.#timing.renewTimeout)]);
    const spec = { ...this.#held.spec, renewTime: timestamp() };
    try {
      const next = await this.#lease.put({ ...this.#held, spec }, signal);
      if (next === undefined) {
        await this.#look(signal);
        return false;
      }
      this.#held = next;
    } catch {
      // The API server is away; the next try may find it again.
      return false;
    }
    this.#renewed = sent;
    this.#tell(false);
    return true;
  }

  /** A conflict may be with ourselves, when the answer to a renewal was lost. */
  async #look(signal: AbortSignal): Promise<void> {
    const there = await this.#lease.find(signal, 0);
    if (there !== undefined && isOwn(there)) this.#held = there;
    else this.#lose(there === undefined ? 'somebody deleted the Lease' : `${describe(there)} took it`);
  }
}

/** A lease that stays behind is found without a holder by the next run, so a failure here is no error. */
async function release(lease: Lease, deadline: number): Promise<void> {
  while (Date.now() < deadline) {
    try {
      const there = await lease.find(undefined, 0);
      if (there === undefined || !isOwn(there) || (await lease.delete(there))) return;
    } catch (error) {
      if (!isFault(error)) return;
    }
    await sleep(200);
  }
}

function describe(lease: KubeObject): string {
  const since = String(lease.spec?.acquireTime).replace(/\.\d+Z$/, 'Z');
  return `${holderOf(lease)} since ${since}`;
}

function lockedError(lease: KubeObject, { namespace }: Identity): DatamillError {
  return lockError('LOCKED', `another run works on namespace ${namespace}: ${describe(lease)}`, {
    hint: 'wait for it with --wait-lock, or try again later',
  });
}

function unwritableError({ namespace }: Identity): DatamillError {
  return lockError('LOCK_CONFLICT', `the Lease ${namespace}/${NAME} cannot be written: always a conflict`, {
    hint: 'look at it with `kubectl get lease`',
  });
}
