import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type DatamillError, lockError } from '../errors.ts';
import type { Api } from './client.ts';
import { isStatus } from './errors.ts';
import { type Identity, ownLabels } from './labels.ts';
import type { KubeObject } from './types.ts';

const NAME = 'datamill';
const RENEW_EVERY = 10_000;
/** A lease that has not changed for this long, by our own clock, has lost its holder. */
const STALE_AFTER = 30_000;
/** After this long without a renewal we stop: another may believe that we are gone at 30 s. */
const LOST_AFTER = 20_000;
const POLL_EVERY = 1000;

export interface LockOptions {
  /** Wait for the other holder instead of giving up. */
  wait: boolean;
  signal?: AbortSignal;
  /** Told once who holds the lock while we wait. */
  onWait?(holder: string): void;
  /** Called before the lock of a dead process of this machine is taken. */
  onTakeOver?(holder: string): Promise<void>;
  /** Called when the lock is lost: stop what you do. */
  onLost(error: DatamillError): void;
}

export interface Lock {
  release(): Promise<void>;
}

/** Who we are: the process id tells a later run on this machine whether we still live. */
export function holderName(): string {
  return `${process.env.USER ?? process.env.LOGNAME ?? 'user'}@${hostname()}/${process.pid}`;
}

/** True when the holder was a process of this machine that is no more. */
export function holderIsDead(holder: string): boolean {
  const match = /@([^/]+)\/(\d+)$/.exec(holder);
  if (match === null || match[1] !== hostname() || Number(match[2]) === process.pid) return false;
  try {
    process.kill(Number(match[2]), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

/**
 * Takes the lock of a namespace: the Lease `datamill`, renewed every 10 s.
 *
 * @throws {DatamillError} LOCKED (exit 6) with the holder and since when, unless `wait` is set.
 */
export async function acquireLock(api: Api, identity: Identity, options: LockOptions): Promise<Lock> {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${identity.namespace}/leases`;
  let seen: { version: string; at: number } | undefined;
  let told = false;
  for (;;) {
    options.signal?.throwIfAborted();
    const lease = await api.find<KubeObject>(`${path}/${NAME}`, { signal: options.signal });
    const taken =
      lease === undefined
        ? await create(api, path, identity)
        : await takeOver(api, path, lease, identity, seen, options);
    if (taken !== undefined) return hold(api, path, taken, options);
    if (lease === undefined) continue;
    const version = lease.metadata.resourceVersion ?? '';
    if (seen?.version !== version) seen = { version, at: Date.now() };
    if (!options.wait) throw lockedError(lease, identity);
    if (!told) options.onWait?.(describe(lease));
    told = true;
    await sleep(POLL_EVERY, undefined, { signal: options.signal });
  }
}

function spec() {
  const now = `${new Date().toISOString().slice(0, -1)}000Z`;
  return {
    holderIdentity: holderName(),
    leaseDurationSeconds: STALE_AFTER / 1000,
    acquireTime: now,
    renewTime: now,
  };
}

async function create(api: Api, path: string, identity: Identity): Promise<KubeObject | undefined> {
  const lease = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: NAME, labels: ownLabels(identity) },
    spec: spec(),
  };
  try {
    return await api.request<KubeObject>('POST', path, { body: lease });
  } catch (error) {
    if (isStatus(error, 409)) return undefined;
    // After a lost answer the lease may be ours already.
    const there = await api.find<KubeObject>(`${path}/${NAME}`);
    if (there?.spec?.holderIdentity === holderName()) return there;
    if (isStatus(error, 500) || isStatus(error, 503)) return undefined;
    throw error;
  }
}

async function takeOver(
  api: Api,
  path: string,
  lease: KubeObject,
  identity: Identity,
  seen: { version: string; at: number } | undefined,
  options: LockOptions,
): Promise<KubeObject | undefined> {
  const holder = String(lease.spec?.holderIdentity ?? '');
  const unchanged =
    seen !== undefined &&
    seen.version === lease.metadata.resourceVersion &&
    Date.now() - seen.at > STALE_AFTER;
  const dead = holderIsDead(holder);
  if (holder !== '' && holder !== holderName() && !unchanged && !dead) return undefined;
  if (dead) await options.onTakeOver?.(holder);
  return await put(api, path, {
    ...lease,
    metadata: { ...lease.metadata, labels: ownLabels(identity) },
    spec: spec(),
  });
}

/** Writes only if nobody else did since: the resource version goes with it. */
async function put(
  api: Api,
  path: string,
  lease: KubeObject,
  signal?: AbortSignal,
): Promise<KubeObject | undefined> {
  try {
    return await api.request<KubeObject>('PUT', `${path}/${NAME}`, { body: lease, retryFor: 0, signal });
  } catch (error) {
    if (isStatus(error, 409) || isStatus(error, 404)) return undefined;
    throw error;
  }
}

function hold(api: Api, path: string, first: KubeObject, options: LockOptions): Lock {
  let lease = first;
  let renewed = Date.now();
  let busy: Promise<void> = Promise.resolve();
  const stop = new AbortController();
  const lose = (why: string) => {
    clearInterval(timer);
    if (stop.signal.aborted) return;
    stop.abort();
    options.onLost(
      lockError('LOCK_LOST', `the lock was lost: ${why}`, {
        hint: 'nothing more was started; run the command again',
      }),
    );
  };
  const renew = async () => {
    const mine = { ...lease, spec: { ...lease.spec, renewTime: spec().renewTime } };
    try {
      const next = await put(
        api,
        path,
        mine,
        AbortSignal.any([stop.signal, AbortSignal.timeout(RENEW_EVERY / 2)]),
      );
      if (next !== undefined) {
        lease = next;
        renewed = Date.now();
        return;
      }
      const there = await api.find<KubeObject>(`${path}/${NAME}`, { retryFor: 0 });
      if (there?.spec?.holderIdentity === holderName()) lease = there;
      else lose(there === undefined ? 'somebody deleted the Lease' : `${describe(there)} took it`);
    } catch {
      // The API server is away; the next try may find it again.
    }
  };
  const timer = setInterval(() => {
    if (Date.now() - renewed > LOST_AFTER) lose(`it could not be renewed for ${LOST_AFTER / 1000} s`);
    else busy = renew();
  }, RENEW_EVERY / 4);
  timer.unref();
  return {
    async release() {
      clearInterval(timer);
      await busy;
      if (stop.signal.aborted) return;
      stop.abort();
      const preconditions = { resourceVersion: lease.metadata.resourceVersion };
      // A lease that stays behind is found stale by the next run, so a failure here is no error.
      await api
        .request('DELETE', `${path}/${NAME}`, {
          body: { kind: 'DeleteOptions', apiVersion: 'v1', preconditions },
          retryFor: 5000,
        })
        .catch(() => undefined);
    },
  };
}

function describe(lease: KubeObject): string {
  const { holderIdentity, acquireTime } = lease.spec ?? {};
  return `${String(holderIdentity)} since ${String(acquireTime).replace(/\.\d+Z$/, 'Z')}`;
}

function lockedError(lease: KubeObject, { namespace }: Identity): DatamillError {
  return lockError('LOCKED', `another run works on namespace ${namespace}: ${describe(lease)}`, {
    hint: 'wait for it with --wait-lock, or try again later',
  });
}
