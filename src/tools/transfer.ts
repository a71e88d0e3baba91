import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pause, throwIfAborted } from '../util/abort.ts';
import { writeAtomically } from '../util/atomic.ts';
import { get, NoAnswer } from './http.ts';

/** Called with the bytes that are there and, when it is known, how many there will be. */
export type OnBytes = (done: number, total: number | undefined) => void;

interface Origin {
  url: string;
  etag?: string;
  modified?: string;
}

const TRIES = 4;

/**
 * Downloads to `part`, going on where an earlier download of the same file was cut, in this
 * process or another one. Beside the file lies what the server said of it, so that parts of two
 * versions are never mixed. The caller holds the lock for `part`.
 *
 * @throws when the server says no, or after several cut connections; `part` is kept then.
 */
export async function transfer(
  url: string,
  part: string,
  onBytes: OnBytes,
  signal?: AbortSignal,
): Promise<void> {
  await mkdir(dirname(part), { recursive: true });
  for (let attempt = 1; ; attempt++) {
    try {
      return await attemptOnce(url, part, onBytes, signal);
    } catch (error) {
      throwIfAborted(signal);
      if (error instanceof Refusal || error instanceof NoAnswer || attempt === TRIES) throw error;
      await pause(200 * 2 ** attempt, signal);
    }
  }
}

/** An answer that another try would not change. */
class Refusal extends Error {}

async function attemptOnce(url: string, part: string, onBytes: OnBytes, signal?: AbortSignal): Promise<void> {
  const have = await resumable(url, part);
  const headers: Record<string, string> =
    have.bytes > 0 ? { range: `bytes=${have.bytes}-`, 'if-range': have.validator } : {};
  const { response, alive, end } = await get(url, headers, signal);
  try {
    if (response.status === 416) {
      await forget(part);
      throw new Error(`${url} has changed`);
    }
    if (response.status >= 500 || response.status === 429)
      throw new Error(`${url} answered ${response.status}`);
    if (!response.ok || response.body === null) throw new Refusal(`${url} answered ${response.status}`);
    const start = response.status === 206 ? have.bytes : 0;
    if (start > 0 && !response.headers.get('content-range')?.startsWith(`bytes ${start}-`)) {
      await forget(part);
      throw new Error(`${url} answered another range than asked for`);
    }
    // The old part goes first: killed in between, its bytes must not count as the new file's.
    if (start === 0) await forget(part);
    await remember(url, part, response.headers);
    const length = Number(response.headers.get('content-length') ?? Number.NaN);
    const total = Number.isNaN(length) ? undefined : start + length;
    await save(response.body, part, start, (done) => {
      alive();
      onBytes(done, total);
    });
  } finally {
    end();
  }
}

async function save(
  body: ReadableStream<Uint8Array>,
  part: string,
  start: number,
  onBytes: (done: number) => void,
) {
  const file = await open(part, start > 0 ? 'r+' : 'w');
  try {
    let done = start;
    for await (const chunk of body) {
      await file.write(chunk, 0, chunk.length, done);
      done += chunk.length;
      onBytes(done);
    }
    await file.truncate(done);
  } finally {
    await file.close();
  }
}

async function resumable(url: string, part: string): Promise<{ bytes: number; validator: string }> {
  try {
    const origin = JSON.parse(await readFile(`${part}.json`, 'utf8')) as Origin;
    // RFC 9110, section 13.1.5: a weak entity tag may not stand in If-Range.
    const validator = origin.etag?.startsWith('W/') ? origin.modified : (origin.etag ?? origin.modified);
    const { size } = await stat(part);
    if (origin.url === url && validator !== undefined) return { bytes: size, validator };
  } catch {
    // Nothing usable is there: from the start.
  }
  return { bytes: 0, validator: '' };
}

async function remember(url: string, part: string, headers: Headers): Promise<void> {
  const origin: Origin = {
    url,
    etag: headers.get('etag') ?? undefined,
    modified: headers.get('last-modified') ?? undefined,
  };
  await writeAtomically(`${part}.json`, JSON.stringify(origin));
}

/** Removes a download, whole or in part. */
export async function forget(part: string): Promise<void> {
  await rm(part, { force: true });
  await rm(`${part}.json`, { force: true });
}

export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 }))
    hash.update(chunk as Buffer);
  return hash.digest('hex');
}
