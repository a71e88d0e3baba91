import { StoreError } from './errors.ts';
import type { Store } from './store.ts';
import { decodeListed, elements, text } from './xml.ts';

/** A file that travels in parts, each of the same size but the last. */
export interface Upload {
  bucket: string;
  key: string;
  id: string;
}

export interface Part {
  number: number;
  /** Bytes. */
  size: number;
  etag: string;
}

export async function beginUpload(
  store: Store,
  bucket: string,
  key: string,
  { type, signal }: { type?: string; signal?: AbortSignal },
): Promise<Upload> {
  const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type };
  const { body } = await store.send({ method: 'POST', bucket, key, query: { uploads: '' }, headers, signal });
  return { bucket, key, id: text(body.toString('utf8'), 'UploadId') };
}

export async function putPart(
  store: Store,
  { bucket, key, id }: Upload,
  number: number,
  body: Uint8Array,
  signal?: AbortSignal,
): Promise<string> {
  const query = { partNumber: String(number), uploadId: id };
  const { headers } = await store.send({ method: 'PUT', bucket, key, query, body, signal });
  return (headers.etag ?? '').replaceAll('"', '');
}

/** Makes one object of the parts; its ETag. */
export async function completeUpload(
  store: Store,
  { bucket, key, id }: Upload,
  etags: readonly string[],
  { headers, signal }: { headers?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<string> {
  const parts = etags.map(
    (etag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>"${etag}"</ETag></Part>`,
  );
  const body = Buffer.from(`<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`);
  const query = { uploadId: id };
  const answer = await store.send({ method: 'POST', bucket, key, query, headers, body, signal });
  const xml = answer.body.toString('utf8');
  // The store begins its answer before it knows the end, and may only then find an error.
  if (xml.includes('<Error>'))
    throw new StoreError(
      'STORE_REFUSED',
      `${bucket}/${key} cannot be put together: ${text(xml, 'Message')}`,
      500,
      text(xml, 'Code'),
    );
  return text(xml, 'ETag').replaceAll('"', '');
}

/** Gives an upload up, with all its parts. */
export async function abortUpload(
  store: Store,
  { bucket, key, id }: Upload,
  signal?: AbortSignal,
): Promise<void> {
  try {
    await store.send({ method: 'DELETE', bucket, key, query: { uploadId: id }, signal });
  } catch (error) {
    if (!(error instanceof StoreError && error.reason === 'NoSuchUpload')) throw error;
  }
}

/** Uploads of a key that were begun and not ended, the oldest first; all of a bucket without a key. */
export async function listUploads(
  store: Store,
  bucket: string,
  key?: string,
  signal?: AbortSignal,
): Promise<Upload[]> {
  const query = { uploads: '', 'encoding-type': 'url', ...(key === undefined ? {} : { prefix: key }) };
  const { body } = await store.send({ method: 'GET', bucket, query, signal });
  return elements(body.toString('utf8'), 'Upload')
    .map((one) => ({ bucket, key: decodeListed(text(one, 'Key')), id: text(one, 'UploadId') }))
    .filter((upload) => key === undefined || upload.key === key);
}

/** The parts that an upload has. */
export async function listParts(
  store: Store,
  { bucket, key, id }: Upload,
  signal?: AbortSignal,
): Promise<Part[]> {
  const parts: Part[] = [];
  for (let marker = ''; ; ) {
    const query = { uploadId: id, ...(marker === '' ? {} : { 'part-number-marker': marker }) };
    const { body } = await store.send({ method: 'GET', bucket, key, query, signal });
    const xml = body.toString('utf8');
    for (const one of elements(xml, 'Part'))
      parts.push({
        number: Number(text(one, 'PartNumber')),
        size: Number(text(one, 'Size')),
        etag: text(one, 'ETag').replaceAll('"', ''),
      });
    if (text(xml, 'IsTruncated') !== 'true') return parts;
    marker = text(xml, 'NextPartNumberMarker');
  }
}
