import { DatamillError, errorMessage } from '../../errors.ts';
import { pause } from '../../util/abort.ts';
import { ConflictError, type Place, readWhole } from './contract.ts';

/** What stands in the lease object: `attempts/<key of the experiment>/lease.json`. */
interface LeaseRecord {
  schema: 1;
  /** Grows with every attempt: who has the highest is the one that may write. */
  epoch: number;
  /** Attempts that were begun and not handed back. */
  attempts: number;
  holder: string;
  /** RFC 3339, by the holder's clock. */
  renewed: string;
  /** Seconds after which it counts as given up. */
  ttl: number;
  released: boolean;
}

export interface LeaseOptions {
  place: Place;
  /** Who asks, for people. */
  holder: string;
  /** Milliseconds without a sign after which a holder has lost its lease. */
  ttl: number;
  signal: AbortSignal;
}

const LARGEST = 64 * 1024;

/**
 * The right to write the results of an experiment. It is taken by a conditional write, so that of
 * two one wins; who lost it learns so at the next renewal, or at a write whose condition fails.
 */
export class Lease {
  readonly epoch: number;
  /** This attempt included. */
  readonly attempts: number;
  readonly lost: AbortSignal;
  readonly #place: Place;
  readonly #lost = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #record: LeaseRecord;
  #version: string;
  #renewing: Promise<void> = Promise.resolve();
  #renewed = performance.now();
  #over = false;

  private constructor(place: Place, record: LeaseRecord, version: string) {
    this.#place = place;
    this.#record = record;
    this.#version = version;
    this.epoch = record.epoch;
    this.attempts = record.attempts;
    this.lost = this.#lost.signal;
    this.#timer = setInterval(() => void this.check().catch(() => undefined), (record.ttl * 1000) / 3);
  }

  /**
   * Takes the lease; waits while another holder shows that it lives, for at most its time to live.
   *
   * @returns undefined when the other one is alive.
   */
  static async take(options: LeaseOptions): Promise<Lease | undefined> {
    const { place, ttl, signal } = options;
    const started = performance.now();
    let seen: string | undefined;
    for (;;) {
      const found = await readWhole(place, LARGEST, signal);
      const before = found === undefined ? undefined : read(found.body);
      if (before === undefined || before.released || isOld(before)) {
        const lease = await Lease.#write(options, before, found?.version ?? null);
        if (lease !== undefined) return lease;
        continue;
      }
      if (seen !== undefined && seen !== found?.version) return undefined;
      seen = found?.version;
      // A holder whose clock is ahead would seem to live for ever: what does not change is old.
      if (performance.now() - started > Math.max(ttl, before.ttl * 1000)) {
        const lease = await Lease.#write(options, before, found?.version ?? null);
        if (lease !== undefined) return lease;
        return undefined;
      }
      await pause(Math.min(500, ttl / 4), signal);
    }
  }

  static async #write(
    { place, holder, ttl, signal }: LeaseOptions,
    before: LeaseRecord | undefined,
    was: string | null,
  ): Promise<Lease | undefined> {
    const record: LeaseRecord = {
      schema: 1,
      epoch: (before?.epoch ?? 0) + 1,
      attempts: (before?.attempts ?? 0) + 1,
      holder,
      renewed: new Date().toISOString(),
      ttl: ttl / 1000,
      released: false,
    };
    try {
      const version = await place.write(bytes(record), { condition: { was }, signal });
      return new Lease(place, record, version);
    } catch (error) {
      if (error instanceof ConflictError) return undefined;
      throw error;
    }
  }

  /**
   * Renews the lease: afterwards it was ours a moment ago.
   *
   * @throws {DatamillError} LEASE_LOST.
   */
  async check(): Promise<void> {
    this.#renewing = this.#renewing.catch(() => undefined).then(() => this.#renew());
    await this.#renewing;
  }

  /** Ends it; the next attempt need not wait. @param counted false when this was no attempt. */
  async release({ counted }: { counted: boolean }): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#timer);
    await this.#renewing.catch(() => undefined);
    const { attempts } = this.#record;
    const record = { ...this.#record, released: true, attempts: counted ? attempts : attempts - 1 };
    await this.#place.write(bytes(record), { condition: { was: this.#version } }).catch(() => undefined);
  }

  async #renew(): Promise<void> {
    if (this.lost.aborted) throw lostError(this.#place);
    if (this.#over) return;
    const record = { ...this.#record, renewed: new Date().toISOString() };
    try {
      this.#version = await this.#place.write(bytes(record), { condition: { was: this.#version } });
      this.#record = record;
      this.#renewed = performance.now();
    } catch (error) {
      // A write that was sent twice, as its answer was lost, fails the second time and is ours.
      if (error instanceof ConflictError && (await this.#isOurs(record))) return;
      const silent = performance.now() - this.#renewed > this.#record.ttl * 1000;
      if (error instanceof ConflictError || silent) {
        clearInterval(this.#timer);
        this.#lost.abort(lostError(this.#place, error));
        throw lostError(this.#place, error);
      }
      throw error;
    }
  }

  async #isOurs(record: LeaseRecord): Promise<boolean> {
    const found = await readWhole(this.#place, LARGEST).catch(() => undefined);
    if (found === undefined || !found.body.equals(bytes(record))) return false;
    this.#version = found.version;
    this.#record = record;
    return true;
  }
}

function bytes(record: LeaseRecord): Buffer {
  return Buffer.from(`${JSON.stringify(record)}\n`);
}

function read(body: Buffer): LeaseRecord | undefined {
  try {
    return JSON.parse(body.toString()) as LeaseRecord;
  } catch {
    return undefined;
  }
}

function isOld({ renewed, ttl }: LeaseRecord): boolean {
  return Date.now() - Date.parse(renewed) > ttl * 1000;
}

function lostError({ name }: Place, cause?: unknown): DatamillError {
  const why = cause === undefined || cause instanceof ConflictError ? '' : `: ${errorMessage(cause)}`;
  return new DatamillError('LEASE_LOST', `another attempt has taken over (${name})${why}`, { cause });
}
