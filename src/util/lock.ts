import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, open, readFile, rm, stat, unlink, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { pause, throwIfAborted } from './abort.ts';

export interface LockOptions {
  /** Ends the wait for the lock; what runs under it must watch the signal itself. */
  signal?: AbortSignal;
  /** Called once when somebody else holds the lock. */
  onWait?(holder: LockHolder | undefined): void;
  /** Milliseconds without a heartbeat after which a lock is taken over. */
  staleAfter?: number;
}

export interface LockHolder {
  pid: number;
  host: string;
  token: string;
  since: string;
}

/**
 * Runs `body` while this process alone holds the lock file `path`. The file holds who has it;
 * its modification time is the heartbeat. A lock whose process is gone (on this machine) or
 * whose heartbeat stands still for `staleAfter`, by the waiter's own clock, is taken over.
 */
export async function withLock<T>(path: string, options: LockOptions, body: () => Promise<T>): Promise<T> {
  const staleAfter = options.staleAfter ?? 30_000;
  const holder = await acquire(path, staleAfter, options);
  const heartbeat = setInterval(() => void touch(path), Math.max(20, staleAfter / 6));
  try {
    return await body();
  } finally {
    clearInterval(heartbeat);
    if ((await readHolder(path))?.token === holder.token) await rm(path, { force: true });
  }
}

async function acquire(path: string, staleAfter: number, options: LockOptions): Promise<LockHolder> {
  await mkdir(dirname(path), { recursive: true });
  const holder = { pid: process.pid, host: hostname(), token: randomUUID(), since: new Date().toISOString() };
  let seen = { stamp: '', at: 0 };
  for (let waited = 0; ; waited++) {
    throwIfAborted(options.signal);
    if (await create(path, JSON.stringify(holder))) return holder;
    if (waited === 0) options.onWait?.(await readHolder(path));
    const stamp = await stampOf(path);
    if (stamp !== seen.stamp) seen = { stamp, at: performance.now() };
    const stale = performance.now() - seen.at > staleAfter || (await holderIsGone(path));
    if (stamp !== '' && stale) await takeAway(path, stamp, staleAfter);
    else await pause(Math.min(100, staleAfter / 10), options.signal);
  }
}

async function create(path: string, content: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx', 0o600);
    await file.writeFile(content);
    await file.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Removes a stale lock; a second file makes sure that only one waiter does, and not a fresh lock. */
async function takeAway(path: string, stamp: string, staleAfter: number): Promise<void> {
  const breaker = `${path}.break`;
  if (!(await create(breaker, String(process.pid)))) {
    const age = await stat(breaker).then(
      (s) => Date.now() - s.mtimeMs,
      () => 0,
    );
    if (age > staleAfter) await rm(breaker, { force: true });
    else await pause(20);
    return;
  }
  try {
    if ((await stampOf(path)) === stamp) await unlink(path).catch(() => {});
  } finally {
    await rm(breaker, { force: true });
  }
}

/** What changes with every heartbeat and every holder; empty when there is no lock. */
async function stampOf(path: string): Promise<string> {
  return stat(path).then(
    (s) => `${s.ino}:${s.mtimeMs}`,
    () => '',
  );
}

async function holderIsGone(path: string): Promise<boolean> {
  const holder = await readHolder(path);
  return holder !== undefined && holder.host === hostname() && !isAlive(holder.pid);
}

/** Who holds the lock now; undefined when nobody does, or just started to. */
export async function readHolder(path: string): Promise<LockHolder | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as LockHolder;
  } catch {
    return undefined;
  }
}

/** Whether a process of that id runs, be it ours or another user's. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Ended, but nobody has asked how: in containers often for ever. */
function isZombie(pid: number): boolean {
  try {
    // proc(5): the state follows the command's name, which is in parentheses.
    return /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => {});
}
