import { createHash, createHmac } from 'node:crypto';

export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
}

/** What is signed: all that says what a request does. */
export interface Signable {
  method: string;
  host: string;
  /** Encoded by `encodeKey`. */
  path: string;
  query: Record<string, string>;
  /** In lower case; those of `x-amz-*` and `content-md5`. */
  headers: Record<string, string>;
  /** SHA-256 of the body, in hex. */
  payload: string;
}

export type Signer = (request: Signable, now?: Date) => Record<string, string>;

/** SHA-256 of nothing. */
export const EMPTY = sha256('');

export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/**
 * Signs requests to S3 (AWS Signature Version 4, header form) and returns all headers to send but
 * the host. The body's digest is always signed, so that a store refuses what was changed on the way.
 */
export function createSigner({ accessKeyId, secretAccessKey }: Credentials, region: string): Signer {
  let day = '';
  let key: Buffer = Buffer.alloc(0);
  return ({ method, host, path, query, headers, payload }, now = new Date()) => {
    const time = now.toISOString().replace(/[-:]|\.\d+/g, '');
    const scope = `${time.slice(0, 8)}/${region}/s3/aws4_request`;
    if (day !== time.slice(0, 8)) {
      day = time.slice(0, 8);
      key = [day, region, 's3', 'aws4_request'].reduce<Buffer>(
        (secret, part) => hmac(secret, part),
        Buffer.from(`AWS4${secretAccessKey}`),
      );
    }
    const sent: Record<string, string> = { ...headers, 'x-amz-content-sha256': payload, 'x-amz-date': time };
    const named = Object.entries({ ...sent, host }).sort(([a], [b]) => (a < b ? -1 : 1));
    const names = named.map(([name]) => name).join(';');
    const canonical = [
      method,
      path,
      encodeQuery(query),
      ...named.map(([name, value]) => `${name}:${value.trim()}`),
      '',
      names,
      payload,
    ].join('\n');
    const signature = hmac(key, `AWS4-HMAC-SHA256\n${time}\n${scope}\n${sha256(canonical)}`).toString('hex');
    sent.authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
    return sent;
  };
}

/** A query as it is sent and signed: sorted, every character but the unreserved ones escaped. */
export function encodeQuery(query: Record<string, string>): string {
  return Object.entries(query)
    .map(([name, value]) => `${escaped(name)}=${escaped(value)}`)
    .sort()
    .join('&');
}

/** A key as a path: slashes stay, every other character but the unreserved ones is escaped. */
export function encodeKey(key: string): string {
  return /^[\w.~/-]*$/.test(key) ? key : key.split('/').map(escaped).join('/');
}

function escaped(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
