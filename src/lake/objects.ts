import { createHash } from 'node:crypto';
import type http from 'node:http';
import { StoreError } from './errors.ts';
import type { Store } from './store.ts';
import { decodeListed, elements, escapeXml, text } from './xml.ts';

export interface StoredObject {
  key: string;
  /** Bytes. */
  size: number;
  /** Without its quotes: the MD5 of the content, or of the MD5s of its parts with their number. */
  etag: string;
  /** RFC 3339. */
  modified: string;
}

export interface Listing {
  objects: StoredObject[];
  /** With a delimiter: the prefixes below which there is more. */
  folders: string[];
}

/** Most keys that a store takes in one request to delete several. */
const DELETE_AT_ONCE = 1000;

/** Lists a bucket page by page; undefined when there is no such bucket. */
export async function* listPages(
  store: Store,
  bucket: string,
  { prefix, delimiter, signal }: { prefix?: string; delimiter?: string; signal?: AbortSignal } = {},
): AsyncGenerator<Listing> {
  let token: string | undefined;
  do {
    const { body } = await store.send({
      method: 'GET',
      bucket,
      query: {
        'list-type': '2',
        'encoding-type': 'url',
        ...(prefix ? { prefix } : {}),
        ...(delimiter ? { delimiter } : {}),
        ...(token === undefined ? {} : { 'continuation-token': token }),
      },
      signal,
    });
    const xml = body.toString('utf8');
    yield {
      objects: elements(xml, 'Contents').map((one) => ({
        key: decodeListed(text(one, 'Key')),
        size: Number(text(one, 'Size')),
        etag: text(one, 'ETag').replaceAll('"', ''),
        modified: text(one, 'LastModified'),
      })),
      folders: elements(xml, 'CommonPrefixes').map((one) => decodeListed(text(one, 'Prefix'))),
    };
    token = text(xml, 'NextContinuationToken') || undefined;
  } while (token !== undefined);
}

/** Everything in a bucket by key; undefined when there is no such bucket. */
export async function listAll(
  store: Store,
  bucket: string,
  options: { prefix?: string; signal?: AbortSignal } = {},
): Promise<Map<string, StoredObject> | undefined> {
  const found = new Map<string, StoredObject>();
  try {
    for await (const { objects } of listPages(store, bucket, options))
      for (const object of objects) found.set(object.key, object);
  } catch (error) {
    if (error instanceof StoreError && error.reason === 'NoSuchBucket') return undefined;
    throw error;
  }
  return found;
}

/** Stores an object; the ETag that the store gave it. */
export async function putObject(
  store: Store,
  bucket: string,
  key: string,
  body: Uint8Array,
  options: { type?: string; digest?: string; headers?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<string> {
  const { type, digest, signal } = options;
  const headers = { ...options.headers, ...(type === undefined ? {} : { 'content-type': type }) };
  const answer = await store.send({ method: 'PUT', bucket, key, body, headers, digest, signal });
  return (answer.headers.etag ?? '').replaceAll('"', '');
}

/** Opens an object to be read from a byte on. */
export async function openObject(
  store: Store,
  bucket: string,
  key: string,
  { from = 0, etag, signal }: { from?: number; etag?: string; signal?: AbortSignal } = {},
): Promise<http.IncomingMessage> {
  const headers: Record<string, string> = {};
  if (from > 0) headers.range = `bytes=${from}-`;
  // What was begun must not go on with another content.
  if (etag !== undefined) headers['if-match'] = `"${etag}"`;
  return await store.open({ method: 'GET', bucket, key, headers, signal });
}

/** Deletes objects; what is not there counts as deleted. */
export async function deleteObjects(
  store: Store,
  bucket: string,
  keys: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  for (let at = 0; at < keys.length; at += DELETE_AT_ONCE) {
    const objects = keys
      .slice(at, at + DELETE_AT_ONCE)
      .map((key) => `<Object><Key>${escapeXml(key)}</Key></Object>`)
      .join('');
    const body = Buffer.from(`<Delete><Quiet>true</Quiet>${objects}</Delete>`);
    const headers = { 'content-md5': createHash('md5').update(body).digest('base64') };
    const answer = await store.send({ method: 'POST', bucket, query: { delete: '' }, headers, body, signal });
    const [failed] = elements(answer.body.toString('utf8'), 'Error');
    if (failed !== undefined)
      throw new StoreError(
        'STORE_REFUSED',
        `${bucket}/${text(failed, 'Key')} cannot be deleted: ${text(failed, 'Message')}`,
        403,
        text(failed, 'Code'),
      );
  }
}
