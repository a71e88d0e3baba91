import type { Readable } from 'node:stream';
import { DatamillError } from '../../errors.ts';

/** What must hold for an object to be written: that it is still the one that was seen, or none. */
export interface Condition {
  /** The version that was seen; null when there was none. */
  was: string | null;
}

export interface Found {
  /** Changes with the content. */
  version: string;
  /** Bytes. */
  size: number;
}

/** One object in a store. */
export interface Place {
  /** For messages, such as `s3://host/bucket/key`. */
  readonly name: string;
  readonly key: string;
  head(signal?: AbortSignal): Promise<Found | undefined>;
  /** Undefined when there is no such object. */
  read(signal?: AbortSignal): Promise<(Found & { stream: Readable }) | undefined>;
  /**
   * Writes a file or bytes.
   *
   * @returns the new version.
   * @throws {ConflictError} when the condition does not hold.
   */
  write(
    content: string | Uint8Array,
    options?: { condition?: Condition; signal?: AbortSignal },
  ): Promise<string>;
  /** Keys below a prefix of the same bucket. */
  list(prefix: string, signal?: AbortSignal): Promise<string[]>;
  remove(signal?: AbortSignal): Promise<void>;
  /** Another object of the same bucket. */
  sibling(key: string): Place;
}

/** Somebody else wrote the object. */
export class ConflictError extends DatamillError {
  constructor(name: string) {
    super('CONFLICT', `${name} was changed by somebody else`);
  }
}

/** Reads a small object whole; undefined when there is none. */
export async function readWhole(
  place: Place,
  limit: number,
  signal?: AbortSignal,
): Promise<{ version: string; body: Buffer } | undefined> {
  const found = await place.read(signal);
  if (found === undefined) return undefined;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of found.stream) {
    size += (chunk as Buffer).length;
    if (size > limit) throw new DatamillError('TOO_LARGE', `${place.name} is larger than ${limit} bytes`);
    chunks.push(chunk as Buffer);
  }
  return { version: found.version, body: Buffer.concat(chunks) };
}
