import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ConflictError, type Place } from '../artifacts/contract.ts';
import type { Lease } from '../artifacts/lease.ts';
import { fingerprint, packTo, survey } from '../artifacts/pack.ts';

interface Known {
  /** The version in the store; null when there is none. */
  version: string | null;
  /** Of the folder when it was last sent. */
  print?: string;
}

export interface ReturnsOptions {
  root: string;
  lease: Lease;
  /** Whether the store keeps to conditions of writes. */
  conditional: boolean;
}

/**
 * Sends folders back as archives. Each write carries the version that this attempt saw last: after
 * another attempt has written, nothing of this one gets through any more.
 */
export class Returns {
  readonly #options: ReturnsOptions;
  readonly #known = new Map<string, Known>();
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: ReturnsOptions) {
    this.#options = options;
  }

  /** What was fetched: the version to go on from. */
  async begin(label: string, version: string | null): Promise<void> {
    const print = fingerprint(await survey(join(this.#options.root, label)));
    this.#known.set(label, { version, print });
  }

  /** Whether anything is in the folder of a label. */
  async holds(label: string): Promise<boolean> {
    return (await survey(join(this.#options.root, label))).length > 0;
  }

  /**
   * Sends a folder when it has changed.
   *
   * @returns whether it was sent.
   * @throws {DatamillError} LEASE_LOST; those of the store.
   */
  async send(label: string, place: Place, signal?: AbortSignal): Promise<boolean> {
    // One after the other: a checkpoint may still run when the end has come.
    const sending = this.#queue.catch(() => undefined).then(() => this.#send(label, place, signal));
    this.#queue = sending;
    return await sending;
  }

  async #send(label: string, place: Place, signal?: AbortSignal): Promise<boolean> {
    const entries = await survey(join(this.#options.root, label));
    const print = fingerprint(entries);
    const known = this.#known.get(label) ?? { version: null };
    if (entries.length === 0 && known.version === null) return false;
    if (print === known.print && known.version !== null) return false;
    const file = join(this.#options.root, '_runner', `${label}-${randomUUID()}.part`);
    try {
      await packTo(file, place.key, entries, signal);
      const version = await this.#write(place, file, known.version, signal);
      this.#known.set(label, { version, print });
      return true;
    } finally {
      await rm(file, { force: true });
    }
  }

  async #write(place: Place, file: string, was: string | null, signal?: AbortSignal): Promise<string> {
    const { lease, conditional } = this.#options;
    // Right before the write: a worker that was frozen meanwhile learns of it here, or by the condition.
    await lease.check();
    if (!conditional) return await place.write(file, { signal });
    try {
      return await place.write(file, { condition: { was }, signal });
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      // Either the one before wrote once more before it lost the lease, or we have lost it.
      const now = (await place.head(signal))?.version ?? null;
      await lease.check();
      return await place.write(file, { condition: { was: now }, signal });
    }
  }
}
