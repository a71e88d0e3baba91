import type http from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WebSocket } from 'ws';
import { Credentials, type Ready } from './credentials.ts';
import { isStatus, KubeError, responseError } from './errors.ts';
import { type Access, readAccess } from './kubeconfig.ts';
import type { ExecStreams } from './stream/exec.ts';
import type { Opened } from './stream/socket.ts';
import { openAnswer, send, urlOf } from './transport.ts';

export interface RequestOptions {
  query?: Record<string, string | undefined>;
  body?: unknown;
  contentType?: string;
  accept?: string;
  signal?: AbortSignal;
  /** Milliseconds without an answer after which one try has failed; default 30 s. */
  timeout?: number;
  /** Milliseconds to go on trying after failures that heal; default 60 s, 0 for one try. */
  retryFor?: number;
}

const RETRY_FOR = 60_000;
const REQUEST_TIMEOUT = 30_000;
/** Answers that say "try again": overload, and faults of the server or of a proxy before it. */
const RETRIED = new Set([429, 500, 502, 503, 504]);

/** A connection to one API server: JSON over kept-alive connections, with retries. */
export class Api {
  readonly server: string;
  readonly #credentials: Credentials;
  readonly #closed = new AbortController();
  readonly #sockets = new Set<WebSocket>();

  constructor(access: Access) {
    this.#credentials = new Credentials(access);
    this.server = access.server;
  }

  /**
   * Sends a request and returns the parsed answer. Reads, deletes and server-side applies are
   * repeated after failures that heal; a create is only repeated when it surely did not happen.
   *
   * @throws {KubeError} what the API server answered.
   * @throws {DatamillError} TARGET_UNREACHABLE or TARGET_UNTRUSTED (exit 4).
   */
  async request<T = Record<string, unknown>>(
    method: string,
    path: string,
    options: RequestOptions = {},
  ): Promise<T> {
    const deadline = Date.now() + (options.retryFor ?? RETRY_FOR);
    const given = options.signal === undefined ? [] : [options.signal];
    const signal = AbortSignal.any([this.#closed.signal, ...given]);
    for (let attempt = 0; ; attempt++) {
      try {
        return (await this.#once(method, path, options)) as T;
      } catch (error) {
        const wait = Math.min(100 * 2 ** attempt, 2000) * (0.5 + Math.random());
        if (!canRetry(error, method) || Date.now() + wait > deadline || signal.aborted) throw error;
        await sleep(wait, undefined, { signal });
      }
    }
  }

  get<T>(path: string, options: RequestOptions = {}): Promise<T> {
    return this.request<T>('GET', path, options);
  }

  /** An answer that is no JSON, such as a log. */
  text(path: string, options: RequestOptions = {}): Promise<string> {
    return this.request<string>('GET', path, { ...options, accept: '*/*' });
  }

  /**
   * An answer that goes on for as long as there is something to tell: a watch, a log. Tried once.
   *
   * @throws {KubeError} what the API server answered instead.
   */
  async stream(
    path: string,
    options: Pick<RequestOptions, 'query' | 'signal'>,
  ): Promise<http.IncomingMessage> {
    const url = urlOf(this.server + path, options.query);
    const { headers, endless: agent } = await this.#credentials.get();
    const signals = options.signal === undefined ? [] : [options.signal];
    const signal = AbortSignal.any([this.#closed.signal, ...signals]);
    try {
      return await openAnswer(url, { headers, agent, signal }, this.server);
    } catch (error) {
      if (isStatus(error, 401)) this.#credentials.expire();
      throw error;
    }
  }

  /** Like `get`, but undefined when there is no such object. */
  async find<T>(path: string, options: RequestOptions = {}): Promise<T | undefined> {
    try {
      return await this.get<T>(path, options);
    } catch (error) {
      if (isStatus(error, 404)) return undefined;
      throw error;
    }
  }

  /**
   * Opens one TCP connection to a port of a pod; see `stream/port-forward.ts` for what it does not do.
   *
   * @throws {DatamillError} POD_GONE, KUBE_FORBIDDEN, or exit 4 when the API server does not answer.
   */
  async portForward(
    namespace: string,
    pod: string,
    port: number,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<Duplex> {
    const { portForward } = await import('./stream/port-forward.ts');
    return await portForward(this, { namespace, pod, port }, signal);
  }

  /** Runs a program in a container and returns its exit code; see `stream/exec.ts`. */
  async exec(
    namespace: string,
    pod: string,
    container: string,
    command: readonly string[],
    streams: ExecStreams = {},
  ): Promise<number> {
    const { exec } = await import('./stream/exec.ts');
    return await exec(this, { namespace, pod, container }, command, streams);
  }

  /** Joins the program that a container runs; see `stream/exec.ts`. */
  async attach(
    namespace: string,
    pod: string,
    container: string,
    streams: ExecStreams = {},
  ): Promise<number> {
    const { attach } = await import('./stream/exec.ts');
    return await attach(this, { namespace, pod, container }, streams);
  }

  /**
   * Opens a WebSocket, paused. `path` holds its query.
   *
   * @throws {KubeError} what the API server answered instead.
   * @throws {DatamillError} TARGET_UNREACHABLE or TARGET_UNTRUSTED (exit 4).
   */
  async socket(path: string, protocols: readonly string[], signal?: AbortSignal): Promise<Opened> {
    const { openSocket } = await import('./stream/socket.ts');
    const url = new URL(this.server + path);
    url.protocol = url.protocol === 'http:' ? 'ws:' : 'wss:';
    for (let attempt = 0; ; attempt++) {
      const { headers, endless: agent } = await this.#credentials.get();
      try {
        const { server } = this;
        const opened = await openSocket({ server, url, headers, agent, protocols, signal });
        const { socket } = opened;
        this.#sockets.add(socket);
        socket.once('close', () => this.#sockets.delete(socket));
        return opened;
      } catch (error) {
        // A token that has run out, or a kept connection that the server had just ended.
        if (isStatus(error, 401)) this.#credentials.expire();
        else if (!isReset(error)) throw error;
        if (attempt > 0) throw error;
      }
    }
  }

  /** What a request of one's own is made with; never to be shown. `fresh`: the last ones were refused. */
  async access({ fresh = false } = {}): Promise<Ready> {
    if (fresh) this.#credentials.expire();
    return await this.#credentials.get();
  }

  /** Ends what is still asked and tried again, and what is still open. */
  close(): void {
    this.#closed.abort();
    for (const socket of this.#sockets) socket.terminate();
    this.#credentials.close();
  }

  async #once(method: string, path: string, options: RequestOptions): Promise<unknown> {
    const url = urlOf(this.server + path, options.query);
    const { headers: credentials, agent } = await this.#credentials.get();
    const body = options.body === undefined ? undefined : JSON.stringify(options.body);
    const headers: http.OutgoingHttpHeaders = {
      ...credentials,
      accept: options.accept ?? 'application/json',
    };
    if (body !== undefined) {
      headers['content-type'] = options.contentType ?? 'application/json';
      headers['content-length'] = Buffer.byteLength(body);
    }
    const { status, text } = await send(
      url,
      { method, headers, agent, signal: options.signal },
      body,
      this.server,
      options.timeout ?? REQUEST_TIMEOUT,
    );
    if (status === 401) this.#credentials.expire();
    if (status < 200 || status > 299) throw responseError(status, text);
    if (options.accept === '*/*') return text;
    return text === '' ? {} : JSON.parse(text);
  }
}

function isReset(error: unknown): boolean {
  return ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code === 'ECONNRESET';
}

function canRetry(error: unknown, method: string): boolean {
  if (error instanceof KubeError) {
    // A 500 after a create may hide that it happened: the caller's next look decides.
    if (method === 'POST') return error.status === 429;
    // Our patches name no resource version, so a conflict is a race inside the server.
    return RETRIED.has(error.status) || (method === 'PATCH' && error.status === 409);
  }
  const code = ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'ECONNREFUSED') return true;
  return (
    method !== 'POST' &&
    ['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EAI_AGAIN', 'DATAMILL_TIMEOUT'].includes(code ?? '')
  );
}

/**
 * Opens a connection with the credentials of a kubeconfig; nothing is sent yet.
 *
 * @throws {DatamillError} TARGET_CONTEXT (exit 4) when the file or the context is not there.
 */
export function connect({ kubeconfig, context }: { kubeconfig: string; context: string }): Api {
  return new Api(readAccess(kubeconfig, context));
}
