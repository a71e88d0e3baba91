import { StoreError } from './errors.ts';
import type { Store } from './store.ts';
import { elements, escapeXml, text } from './xml.ts';

export interface Bucket {
  name: string;
  /** RFC 3339. */
  created: string;
}

/**
 * Why S3 refuses a name for a bucket; undefined when it takes it. Format: Amazon S3 User Guide,
 * "General purpose bucket naming rules".
 */
export function bucketProblem(name: string): string | undefined {
  if (name.length < 3 || name.length > 63) return 'it must have 3 to 63 characters';
  if (/[A-Z]/.test(name)) return 'it must not have capital letters';
  const odd = /[^a-z0-9.-]/u.exec(name)?.[0];
  if (odd !== undefined)
    return `it must have letters, digits, hyphens and dots only, and has ${odd === ' ' ? 'a space' : `"${odd}"`}`;
  if (!/^[a-z0-9].*[a-z0-9]$/.test(name)) return 'it must begin and end with a letter or a digit';
  if (name.includes('..')) return 'it must not have two dots in a row';
  if (/\.-|-\./.test(name)) return 'it must not have a dot beside a hyphen';
  if (/^\d+\.\d+\.\d+\.\d+$/.test(name)) return 'it must not look like an IP address';
  if (/^(xn--|sthree-|amzn-s3-demo-)/.test(name)) return 'its beginning is reserved';
  if (/(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$/.test(name)) return 'its end is reserved';
  return undefined;
}

export async function listBuckets(store: Store, signal?: AbortSignal): Promise<Bucket[]> {
  const { body } = await store.send({ method: 'GET', signal });
  return elements(body.toString('utf8'), 'Bucket').map((one) => ({
    name: text(one, 'Name'),
    created: text(one, 'CreationDate'),
  }));
}

/** Makes a bucket; false when it was there. */
export async function makeBucket(store: Store, bucket: string, signal?: AbortSignal): Promise<boolean> {
  try {
    // AWS alone wants to be told what the address says already, and not for its first region.
    const xml = `<CreateBucketConfiguration><LocationConstraint>${escapeXml(store.region)}</LocationConstraint></CreateBucketConfiguration>`;
    const body = store.region === 'us-east-1' ? undefined : Buffer.from(xml);
    await store.send({ method: 'PUT', bucket, body, signal });
    return true;
  } catch (error) {
    if (error instanceof StoreError && error.reason === 'BucketAlreadyOwnedByYou') return false;
    throw error;
  }
}

export async function hasBucket(store: Store, bucket: string, signal?: AbortSignal): Promise<boolean> {
  try {
    await store.send({ method: 'HEAD', bucket, signal });
    return true;
  } catch (error) {
    if (error instanceof StoreError && error.status === 404) return false;
    throw error;
  }
}

/** Removes an empty bucket. */
export async function removeBucket(store: Store, bucket: string, signal?: AbortSignal): Promise<void> {
  await store.send({ method: 'DELETE', bucket, signal });
}
