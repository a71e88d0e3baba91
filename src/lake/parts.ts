import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

const MIB = 2 ** 20;
/** Files above this travel in parts of this size, so that an ETag is the same that `aws s3 cp` makes. */
export const PART = 8 * MIB;
/** Most parts of an object. */
const MOST_PARTS = 10_000;
/** Memory for parts, whatever their number. */
const MEMORY = 32 * MIB;

/** Bytes of each part of a file but its last. */
export function partSize(size: number): number {
  return Math.max(PART, Math.ceil(size / MOST_PARTS / MIB) * MIB);
}

export function isLarge(size: number): boolean {
  return size > PART;
}

/** The file is not any more what it was when the run looked at it. */
export class ChangedError extends Error {
  constructor() {
    super('it changed while it was read');
  }
}

export function md5(data: Uint8Array): string {
  return createHash('md5').update(data).digest('hex');
}

/** Buffers that are used again and again, so that memory is bounded whatever the size of the files. */
export class PartBuffers {
  readonly #free: Buffer[] = [];
  readonly #waiting: Array<() => void> = [];
  #taken = 0;

  /** Runs a task with a buffer of at least that size; waits while too much memory is in use. */
  async lend<T>(size: number, task: (buffer: Buffer) => Promise<T>): Promise<T> {
    while (this.#taken > 0 && this.#taken + size > MEMORY)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#taken += size;
    const buffer = this.#free.pop() ?? Buffer.allocUnsafeSlow(PART);
    try {
      return await task(buffer.length >= size ? buffer : Buffer.allocUnsafeSlow(size));
    } finally {
      this.#taken -= size;
      this.#free.push(buffer);
      for (const wake of this.#waiting.splice(0)) wake();
    }
  }
}

/**
 * Reads a small file whole. At once: that is ten times cheaper than by the thread pool, and takes
 * microseconds from the page cache.
 */
export function readSmall(path: string, size: number): Buffer {
  // It was looked at without links; one that was put in its place since is not followed.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    if (fstatSync(fd).size !== size) throw new ChangedError();
    const buffer = Buffer.allocUnsafe(size);
    for (let at = 0; at < size; ) {
      const read = readSync(fd, buffer, at, size - at, at);
      if (read === 0) throw new ChangedError();
      at += read;
    }
    return buffer;
  } finally {
    closeSync(fd);
  }
}

/** Opens a large file to be read in parts. */
export async function openLarge(path: string): Promise<FileHandle> {
  return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
}

/** Fills a buffer from a place of the file on. */
export async function readPart(
  file: FileHandle,
  buffer: Buffer,
  from: number,
  length: number,
): Promise<Buffer> {
  for (let at = 0; at < length; ) {
    const { bytesRead } = await file.read(buffer, at, length - at, from + at);
    if (bytesRead === 0) throw new ChangedError();
    at += bytesRead;
  }
  return buffer.subarray(0, length);
}

/** The ETag of an object that was put together of parts with these MD5s. */
export function joinedEtag(parts: readonly string[]): string {
  return `${md5(Buffer.from(parts.join(''), 'hex'))}-${parts.length}`;
}

/** Sizes of parts that other programs use, such as s3cmd, mc, s5cmd, rclone and boto. */
const OTHERS = [5, 10, 15, 16, 17, 32, 50, 64, 100, 128, 256, 512].map((size) => size * MIB);

/** The sizes of parts that an object of this size and number of parts may have been made with. */
function candidates(size: number, parts: number): number[] {
  return [...new Set([partSize(size), ...OTHERS])].filter((one) => Math.ceil(size / one) === parts);
}

/**
 * Whether a file has the content that an ETag stands for. It is read only when it can be.
 *
 * @param size bytes, the same for both.
 */
export async function hasEtag(
  path: string,
  size: number,
  etag: string,
  buffers: PartBuffers,
): Promise<boolean> {
  const [, digest, parts] = /^([\da-f]{32})(?:-(\d+))?$/.exec(etag) ?? [];
  if (digest === undefined) return false;
  if (parts === undefined) {
    if (!isLarge(size)) return md5(readSmall(path, size)) === digest;
    return (await partDigests(path, size, size, buffers))[0] === digest;
  }
  for (const one of candidates(size, Number(parts)))
    if (joinedEtag(await partDigests(path, size, one, buffers)) === etag) return true;
  return false;
}

/** The MD5 of each part of a file. */
async function partDigests(
  path: string,
  size: number,
  part: number,
  buffers: PartBuffers,
): Promise<string[]> {
  return await buffers.lend(PART, async (buffer) => {
    const file = await openLarge(path);
    try {
      const digests: string[] = [];
      for (let start = 0; start < size; start += part) {
        const end = Math.min(start + part, size);
        const hash = createHash('md5');
        for (let at = start; at < end; at += PART)
          hash.update(await readPart(file, buffer, at, Math.min(PART, end - at)));
        digests.push(hash.digest('hex'));
      }
      return digests;
    } finally {
      await file.close();
    }
  });
}
