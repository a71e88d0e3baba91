import { createHash, randomUUID } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { Store } from '../../src/lake/store.ts';
import { directWay } from '../../src/lake/way.ts';

interface Upload {
  bucket: string;
  key: string;
  parts: Map<number, Buffer>;
}

type Refusal = { status: number; code: string } | 'reset';

const md5 = (data: Uint8Array) => createHash('md5').update(data).digest('hex');
const escaped = (text: string) => text.replace(/[<>&]/g, (one) => `&#${one.charCodeAt(0)};`);

/**
 * A fake of an object store: buckets, objects and uploads in memory, no signatures. What the real
 * one does is tested on the testbed; this one fails at the moment that a test chooses.
 */
export class TinyStore {
  readonly buckets = new Map<string, Map<string, { body: Buffer; etag: string }>>();
  readonly uploads = new Map<string, Upload>();
  /** Requests in order, such as `PUT /bucket/key`. */
  readonly seen: string[] = [];
  /** Answers instead of the store, where it returns something. */
  interfere: (request: string) => Refusal | undefined = () => undefined;
  readonly endpoint: string;
  readonly store: Store;
  readonly trouble: string[] = [];
  readonly #server: http.Server;

  private constructor(server: http.Server) {
    this.#server = server;
    const { port } = server.address() as AddressInfo;
    this.endpoint = `http://127.0.0.1:${port}`;
    this.store = new Store({
      name: 'tiny',
      way: directWay({ secure: false, host: '127.0.0.1', port }),
      credentials: { accessKeyId: 'id', secretAccessKey: 'key' },
      region: 'us-east-1',
      onTrouble: (message) => this.trouble.push(message),
    });
  }

  static async open(): Promise<TinyStore> {
    const server = http.createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const tiny = new TinyStore(server);
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('error', () => undefined);
      request.on('end', () => tiny.#serve(request, Buffer.concat(chunks), response));
    });
    return tiny;
  }

  get objects(): string[] {
    return [...this.buckets]
      .flatMap(([bucket, keys]) => [...keys.keys()].map((key) => `${bucket}/${key}`))
      .sort();
  }

  text(bucket: string, key: string): string | undefined {
    return this.buckets.get(bucket)?.get(key)?.body.toString();
  }

  put(bucket: string, key: string, body: string | Buffer, etag = md5(Buffer.from(body))): void {
    const objects = this.buckets.get(bucket) ?? new Map();
    this.buckets.set(bucket, objects.set(key, { body: Buffer.from(body), etag }));
  }

  async close(): Promise<void> {
    this.store.close();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(request: http.IncomingMessage, body: Buffer, response: http.ServerResponse): void {
    const url = new URL(request.url ?? '', 'http://tiny');
    const [, bucket = '', ...rest] = url.pathname.split('/').map(decodeURIComponent);
    const name = `${request.method} /${[bucket, ...rest].filter((one) => one !== '').join('/')}${url.search}`;
    this.seen.push(name);
    const refusal = this.interfere(name);
    if (refusal === 'reset') return void request.socket.destroy();
    const answer =
      refusal === undefined
        ? this.#answer(request.method ?? '', bucket, rest.join('/'), url.searchParams, body, request.headers)
        : refused(refusal);
    response.writeHead(answer.status, answer.headers);
    response.end(answer.body);
  }

  #answer(
    method: string,
    bucket: string,
    key: string,
    query: URLSearchParams,
    body: Buffer,
    headers: http.IncomingHttpHeaders,
  ): Answer {
    if (bucket === '')
      return xml([...this.buckets.keys()].map((one) => `<Bucket><Name>${one}</Name></Bucket>`).join(''));
    const objects = this.buckets.get(bucket);
    if (method === 'PUT' && key === '') {
      this.buckets.set(bucket, new Map());
      return xml('');
    }
    if (objects === undefined) return refused({ status: 404, code: 'NoSuchBucket' });
    if (key !== '' && (query.has('uploads') || query.has('uploadId')))
      return this.#multipart(method, { bucket, key }, query, body);
    if (key !== '' && method === 'PUT' && !holds(headers, objects.get(key)?.etag))
      return refused({ status: 412, code: 'PreconditionFailed' });
    if (key !== '') return this.#object(method, objects, key, body, bucket);
    if (query.has('uploads')) return this.#listUploads(bucket, query.get('prefix'));
    if (query.has('delete')) {
      for (const [, one] of body.toString().matchAll(/<Key>(.*?)<\/Key>/g)) objects.delete(one!);
      return xml('');
    }
    if (method === 'DELETE') {
      this.buckets.delete(bucket);
      return { status: 204 };
    }
    return xml(
      [...objects]
        .filter(([one]) => one.startsWith(query.get('prefix') ?? ''))
        .map(
          ([one, { body, etag }]) =>
            `<Contents><Key>${encodeURIComponent(one)}</Key><Size>${body.length}</Size><ETag>&#34;${etag}&#34;</ETag></Contents>`,
        )
        .join(''),
    );
  }

  #object(
    method: string,
    objects: Map<string, { body: Buffer; etag: string }>,
    key: string,
    body: Buffer,
    bucket: string,
  ): Answer {
    if (method === 'DELETE') {
      objects.delete(key);
      return { status: 204 };
    }
    if (method === 'PUT') {
      this.put(bucket, key, body);
      return { status: 200, headers: { etag: `"${md5(body)}"` } };
    }
    const found = objects.get(key);
    if (found === undefined) return refused({ status: 404, code: 'NoSuchKey' });
    return { status: 200, headers: { etag: `"${found.etag}"` }, body: found.body };
  }

  #listUploads(bucket: string, prefix: string | null): Answer {
    return xml(
      [...this.uploads]
        .filter(([, one]) => one.bucket === bucket && (prefix === null || one.key === prefix))
        .map(([id, { key }]) => `<Upload><Key>${escaped(key)}</Key><UploadId>${id}</UploadId></Upload>`)
        .join(''),
    );
  }

  #multipart(
    method: string,
    place: { bucket: string; key: string },
    query: URLSearchParams,
    body: Buffer,
  ): Answer {
    if (query.has('uploads')) {
      const id = randomUUID();
      this.uploads.set(id, { ...place, parts: new Map() });
      return xml(`<UploadId>${id}</UploadId>`);
    }
    const id = query.get('uploadId')!;
    const upload = this.uploads.get(id);
    if (upload === undefined) return refused({ status: 404, code: 'NoSuchUpload' });
    if (method === 'PUT') {
      upload.parts.set(Number(query.get('partNumber')), body);
      return { status: 200, headers: { etag: `"${md5(body)}"` } };
    }
    const parts = [...upload.parts].sort(([a], [b]) => a - b);
    if (method === 'GET')
      return xml(
        parts
          .map(
            ([number, part]) =>
              `<Part><PartNumber>${number}</PartNumber><Size>${part.length}</Size><ETag>"${md5(part)}"</ETag></Part>`,
          )
          .join(''),
      );
    this.uploads.delete(id);
    if (method === 'DELETE') return { status: 204 };
    const digests = Buffer.from(parts.map(([, part]) => md5(part)).join(''), 'hex');
    this.put(
      place.bucket,
      place.key,
      Buffer.concat(parts.map(([, part]) => part)),
      `${md5(digests)}-${parts.length}`,
    );
    return xml('<ETag>"done"</ETag>');
  }
}

/** Conditional writes as Amazon S3 documents them. */
function holds(headers: http.IncomingHttpHeaders, etag: string | undefined): boolean {
  if (headers['if-none-match'] === '*' && etag !== undefined) return false;
  return headers['if-match'] === undefined || headers['if-match'] === `"${etag}"`;
}

interface Answer {
  status: number;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

function xml(inner: string): Answer {
  return { status: 200, body: `<Result>${inner}</Result>` };
}

function refused({ status, code }: { status: number; code: string }): Answer {
  return { status, body: `<Error><Code>${code}</Code><Message>The store says ${code}.</Message></Error>` };
}
