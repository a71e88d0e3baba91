import { open, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { DatamillError } from '../../errors.ts';
import {
  abortUpload,
  beginUpload,
  completeUpload,
  deleteObjects,
  listPages,
  openObject,
  putObject,
  putPart,
  type Store,
} from '../../lake/index.ts';
import { type Condition, ConflictError, type Found, type Place } from './contract.ts';

/** Files beyond this many bytes travel in parts. */
const PART = 32 * 1024 * 1024;

/** An object in a store that speaks S3; conditions are `If-Match` and `If-None-Match` of the write. */
export class S3Place implements Place {
  readonly name: string;
  readonly key: string;
  readonly #store: Store;
  readonly #bucket: string;

  constructor(store: Store, bucket: string, key: string) {
    this.#store = store;
    this.#bucket = bucket;
    this.key = key;
    this.name = `${store.name}/${bucket}/${key}`;
  }

  async head(signal?: AbortSignal): Promise<Found | undefined> {
    try {
      const { headers } = await this.#store.send({
        method: 'HEAD',
        bucket: this.#bucket,
        key: this.key,
        signal,
      });
      return { version: unquoted(headers.etag), size: Number(headers['content-length'] ?? 0) };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async read(signal?: AbortSignal): Promise<(Found & { stream: Readable }) | undefined> {
    try {
      const stream = await openObject(this.#store, this.#bucket, this.key, { signal });
      return {
        stream,
        version: unquoted(stream.headers.etag),
        size: Number(stream.headers['content-length'] ?? 0),
      };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async write(
    content: string | Uint8Array,
    { condition, signal }: { condition?: Condition; signal?: AbortSignal } = {},
  ): Promise<string> {
    const headers = conditionHeaders(condition);
    try {
      if (typeof content !== 'string') return await this.#put(content, headers, signal);
      const { size } = await stat(content);
      return size <= PART
        ? await this.#put(await readAll(content, size), headers, signal)
        : await this.#putParts(content, size, headers, signal);
    } catch (error) {
      if (isConflict(error)) throw new ConflictError(this.name);
      throw error;
    }
  }

  async list(prefix: string, signal?: AbortSignal): Promise<string[]> {
    const keys: string[] = [];
    for await (const { objects } of listPages(this.#store, this.#bucket, { prefix, signal }))
      keys.push(...objects.map(({ key }) => key));
    return keys;
  }

  async remove(signal?: AbortSignal): Promise<void> {
    await deleteObjects(this.#store, this.#bucket, [this.key], signal);
  }

  sibling(key: string): Place {
    return new S3Place(this.#store, this.#bucket, key);
  }

  async #put(body: Uint8Array, headers: Record<string, string>, signal?: AbortSignal): Promise<string> {
    return await putObject(this.#store, this.#bucket, this.key, body, { headers, signal });
  }

  async #putParts(file: string, size: number, headers: Record<string, string>, signal?: AbortSignal) {
    const upload = await beginUpload(this.#store, this.#bucket, this.key, { signal });
    const handle = await open(file);
    try {
      const etags: string[] = [];
      // At most 10,000 parts are taken.
      const length = Math.max(PART, Math.ceil(size / 9_000));
      for (let from = 0; from < size; from += length) {
        const buffer = Buffer.alloc(Math.min(length, size - from));
        await handle.read(buffer, 0, buffer.length, from);
        etags.push(await putPart(this.#store, upload, etags.length + 1, buffer, signal));
      }
      return await completeUpload(this.#store, upload, etags, { headers, signal });
    } catch (error) {
      await abortUpload(this.#store, upload).catch(() => undefined);
      throw error;
    } finally {
      await handle.close();
    }
  }
}

async function readAll(file: string, size: number): Promise<Buffer> {
  const handle = await open(file);
  try {
    const buffer = Buffer.alloc(size);
    await handle.read(buffer, 0, size, 0);
    return buffer;
  } finally {
    await handle.close();
  }
}

function conditionHeaders(condition: Condition | undefined): Record<string, string> {
  if (condition === undefined) return {};
  return condition.was === null ? { 'if-none-match': '*' } : { 'if-match': `"${condition.was}"` };
}

function unquoted(etag: string | undefined): string {
  return (etag ?? '').replaceAll('"', '');
}

function isMissing(error: unknown): boolean {
  const { status } = error as { status?: number };
  return error instanceof DatamillError && status === 404;
}

/** 409 when two write at once; `If-Match` on what was deleted meanwhile is a 404. */
function isConflict(error: unknown): boolean {
  const { status, reason } = error as { status?: number; reason?: string };
  if (!(error instanceof DatamillError)) return false;
  return status === 412 || status === 409 || (status === 404 && reason === 'NoSuchKey');
}
