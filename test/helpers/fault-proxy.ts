import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import tls from 'node:tls';
import { parse } from 'yaml';

/** Shares of requests (0 to 1) that go wrong, and how late all of them are. */
export interface Faults {
  /** 429 with Retry-After. */
  tooMany?: number;
  /** 409 for a PUT, PATCH or POST, of the reason Conflict. */
  conflict?: number;
  /** 500, not carried out. */
  error?: number;
  /** The connection is cut before the request is carried out. */
  reset?: number;
  /** Carried out, but the connection is cut instead of the answer. */
  lost?: number;
  /** Milliseconds at most. */
  latency?: number;
  /** Only requests to which this applies go wrong. */
  only?: (request: { method: string; path: string }) => boolean;
}

/** `refuse`: nobody listens; `hang`: connections are taken, and nothing is answered. */
type Outage = 'refuse' | 'hang';

/** A proxy before an API server, in plain HTTP on the loopback address, that can be told to fail. */
export class FaultProxy {
  faults: Faults = {};
  /** What went wrong so far, by kind. */
  readonly done: Record<string, number> = {};
  /** Every request that came, as `METHOD path`. */
  readonly seen: string[] = [];
  readonly #server: http.Server;
  readonly #target: https.RequestOptions;
  readonly #random: () => number;
  readonly #sockets = new Set<Duplex>();
  #port = 0;
  #hanging = false;

  private constructor(target: https.RequestOptions, random: () => number) {
    this.#target = {
      ...target,
      agent: new https.Agent({ keepAlive: true, ...(target as https.AgentOptions) }),
    };
    this.#random = random;
    this.#server = http.createServer((request, response) => void this.#serve(request, response));
    this.#server.keepAliveTimeout = 60_000;
    this.#server.on('upgrade', (request: http.IncomingMessage, socket: Socket, head: Buffer) =>
      this.#upgrade(request, socket, head),
    );
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => undefined);
    });
  }

  /** @param kubeconfig of the cluster behind it, with certificates in it or beside it. */
  static async open(kubeconfig: string, random: () => number): Promise<FaultProxy> {
    const config = parse(readFileSync(kubeconfig, 'utf8'));
    const { cluster } = config.clusters[0];
    const { user } = config.users[0];
    const read = (from: Record<string, string>, name: string) =>
      from[`${name}-data`] === undefined
        ? from[name] && readFileSync(from[name])
        : Buffer.from(from[`${name}-data`]!, 'base64');
    const { hostname, port } = new URL(cluster.server);
    const target = {
      host: hostname,
      port,
      ca: read(cluster, 'certificate-authority'),
      cert: read(user, 'client-certificate'),
      key: read(user, 'client-key'),
      rejectUnauthorized: cluster['insecure-skip-tls-verify'] !== true,
    };
    const proxy = new FaultProxy(target as https.RequestOptions, random);
    await proxy.#listen();
    return proxy;
  }

  /** A kubeconfig whose context `faulty` leads through the proxy. */
  get kubeconfig() {
    return {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'faulty',
      clusters: [{ name: 'faulty', cluster: { server: `http://127.0.0.1:${this.#port}` } }],
      users: [{ name: 'faulty', user: {} }],
      contexts: [{ name: 'faulty', context: { cluster: 'faulty', user: 'faulty' } }],
    };
  }

  async breakDown(how: Outage): Promise<void> {
    if (how === 'hang') this.#hanging = true;
    else await this.#stopListening();
  }

  async heal(): Promise<void> {
    if (!this.#hanging) return await this.#listen();
    this.#hanging = false;
    // What waits for an answer will never get one.
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.#hanging = false;
    await this.#stopListening();
    (this.#target.agent as https.Agent).destroy();
  }

  async #listen(): Promise<void> {
    if (this.#server.listening) return;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async #stopListening(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #strikes(
    kind: 'tooMany' | 'conflict' | 'error' | 'reset' | 'lost',
    request: http.IncomingMessage,
  ): boolean {
    const { method = '', url = '' } = request;
    const applies = this.faults.only?.({ method, path: url }) ?? true;
    if (!applies || this.#random() >= (this.faults[kind] ?? 0)) return false;
    this.done[kind] = (this.done[kind] ?? 0) + 1;
    return true;
  }

  async #serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const writes = ['PUT', 'PATCH', 'POST'].includes(request.method ?? '');
    this.seen.push(`${request.method} ${request.url}`);
    if (this.#hanging) return;
    if (this.faults.latency) await sleep(this.#random() * this.faults.latency);
    if (this.#strikes('reset', request)) return void request.socket.destroy();
    if (this.#strikes('tooMany', request)) return refuse(request, response, 429, 'TooManyRequests');
    if (this.#strikes('error', request)) return refuse(request, response, 500, 'InternalError');
    if (writes && this.#strikes('conflict', request)) return refuse(request, response, 409, 'Conflict');
    const { method, url: path, headers } = request;
    const upstream = https.request({ ...this.#target, method, path, headers }, (answer) => {
      if (this.#hanging) return void answer.destroy();
      if (!isWatch(path) && this.#strikes('lost', request)) {
        answer.resume();
        answer.on('end', () => request.socket.destroy());
        return;
      }
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.on('data', (chunk) => void (this.#hanging || response.write(chunk)));
      answer.on('end', () => void (this.#hanging || response.end()));
      answer.on('error', () => request.socket.destroy());
    });
    upstream.on('error', () => request.socket.destroy());
    response.on('close', () => upstream.destroy());
    request.pipe(upstream);
  }

  #upgrade(request: http.IncomingMessage, socket: Socket, head: Buffer): void {
    const { host, port, ...rest } = this.#target;
    const upstream = tls.connect(
      { ...(rest as tls.ConnectionOptions), host: host!, port: Number(port) },
      () => {
        const lines = request.rawHeaders.flatMap((name, index, all) =>
          index % 2 === 0 ? [`${name}: ${all[index + 1]}`] : [],
        );
        upstream.write(`${[`${request.method} ${request.url} HTTP/1.1`, ...lines].join('\r\n')}\r\n\r\n`);
        upstream.write(head);
        upstream.pipe(socket);
        socket.pipe(upstream);
      },
    );
    upstream.on('error', () => socket.destroy());
    socket.on('close', () => upstream.destroy());
  }
}

function isWatch(path = ''): boolean {
  return /[?&]watch=(true|1)/.test(path);
}

function refuse(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  code: number,
  reason: string,
): void {
  request.resume();
  const message = {
    429: 'too many requests, please try again later',
    409: 'Operation cannot be fulfilled: the object has been modified; please apply your changes to the latest version and try again',
    500: 'Internal error occurred: injected by the test',
  }[code];
  const body = JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', message, reason, code });
  response.writeHead(code, {
    'content-type': 'application/json',
    ...(code === 429 ? { 'retry-after': '1' } : {}),
  });
  response.end(body);
}
