import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createListener, type Server } from 'node:net';
import { configError } from '../../errors.ts';
import { type NodeConfig, serverUrl } from '../config.ts';
import { type Cryptor, plain, rsaCryptor } from '../crypto.ts';
import { decryptResults, encryptTask } from './bodies.ts';

/** Bytes of one body. */
const LARGEST = 64 << 20;
/** Milliseconds for an answer of the server. */
const PATIENCE = 120_000;
/** Headers that belong to one connection, and what is set anew (RFC 9110, 7.6.1). */
const OWN_HEADERS = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

export interface RunningProxy {
  port: number;
  canaryPort: number;
  close(): Promise<void>;
}

export interface ProxyOptions {
  config: NodeConfig;
  host: string;
  tell(line: string): void;
}

/**
 * The only thing that algorithms can reach: it passes requests on to the server, and no further,
 * encrypts the input of tasks for each organization and decrypts results. It holds no key of the
 * cluster; the token that a request carries is the algorithm's own.
 */
export async function startProxy({ config, host, tell }: ProxyOptions): Promise<RunningProxy> {
  const cryptor = config.privateKey === undefined ? plain : rsaCryptor(config.privateKey);
  const http = createServer((request, response) => {
    answer(request, response, config, cryptor).then(
      (status) => {
        if (request.url !== '/datamill/ready') tell(`${request.method} ${path(request)} ${status}`);
      },
      (error: Error) => {
        tell(`${request.method} ${path(request)} failed: ${error.message}`);
        if (!response.headersSent) response.writeHead(502, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ msg: `the proxy cannot ask the server: ${error.message}` }));
      },
    );
  });
  const canary = createListener((socket) => {
    socket.on('error', () => undefined);
    socket.end();
  });
  await listen(http, config.proxy.port, host);
  await listen(canary, config.proxy.canary_port, host);
  return {
    port: (http.address() as AddressInfo).port,
    canaryPort: (canary.address() as AddressInfo).port,
    close: async () => {
      http.closeAllConnections();
      await Promise.all([http, canary].map((one) => new Promise((resolve) => one.close(resolve))));
    },
  };
}

async function listen(server: Server, port: number, host: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(configError('NODE_PROXY_PORT', `cannot listen at ${host}:${port}: ${cause.code}`, { cause })),
    );
    server.listen(port, host, resolve);
  });
}

function path(request: IncomingMessage): string {
  return (request.url ?? '').split('?')[0]!.slice(0, 200);
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  config: NodeConfig,
  cryptor: Cryptor,
): Promise<number> {
  const { method = 'GET', url = '/' } = request;
  if (url === '/datamill/ready') return end(response, 200, 'ready\n', 'text/plain');
  const target = new URL(serverUrl(config));
  // As text: a URL in the request line must not lead elsewhere.
  if (!url.startsWith('/') || url.startsWith('//') || method === 'CONNECT')
    return end(response, 400, '{"msg":"no such path"}');
  const [pathname, query = ''] = url.split('?', 2);
  target.pathname = pathname!;
  target.search = query;
  const body = await read(request);
  if (body === undefined) return end(response, 413, '{"msg":"the body is too large"}');
  const headers = passed(request.headers);
  const route = target.pathname.replace(config.server.api_path, '').replace(/\/$/, '');
  const ask = (where: string) => fetchJson(`${target.origin}${config.server.api_path}${where}`, headers);
  const isTask = method === 'POST' && route === '/task' && cryptor.publicKey !== undefined;
  const sent = isTask ? await encryptTask(body, cryptor, ask) : body;
  const got = await fetch(target, {
    method,
    headers,
    body: sent.length === 0 || method === 'GET' || method === 'HEAD' ? undefined : new Uint8Array(sent),
    redirect: 'manual',
    signal: AbortSignal.timeout(PATIENCE),
  });
  const received = Buffer.from(await got.arrayBuffer());
  const isResult = method === 'GET' && /^\/result(\/\d+)?$/.test(route) && cryptor.publicKey !== undefined;
  const returned = isResult && got.ok ? decryptResults(received, cryptor) : received;
  return end(response, got.status, returned, got.headers.get('content-type') ?? 'application/json');
}

function end(
  response: ServerResponse,
  status: number,
  body: string | Buffer,
  type = 'application/json',
): number {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
  return status;
}

function passed(headers: IncomingMessage['headers']): Record<string, string> {
  const entries = Object.entries(headers).filter(([name]) => !OWN_HEADERS.has(name));
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
}

async function read(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > LARGEST) return undefined;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

async function fetchJson(url: string, headers: Record<string, string>): Promise<Record<string, unknown>> {
  const only = Object.fromEntries(Object.entries(headers).filter(([name]) => name === 'authorization'));
  const response = await fetch(url, {
    headers: only,
    redirect: 'manual',
    signal: AbortSignal.timeout(PATIENCE),
  });
  if (!response.ok) throw new Error(`the server answered ${response.status} to ${new URL(url).pathname}`);
  return (await response.json()) as Record<string, unknown>;
}
