import type http from 'node:http';
import { DatamillError, errorMessage } from '../errors.ts';
import { pause, throwIfAborted } from '../util/abort.ts';
import { awayError, brokenError, isBroken, isPassing, storeError } from './errors.ts';
import { type Address, type Answer, agentFor, exchange, open } from './exchange.ts';
import {
  type Credentials,
  createSigner,
  EMPTY,
  encodeKey,
  encodeQuery,
  type Signer,
  sha256,
} from './sign.ts';
import { authorityOf, type Way } from './way.ts';

/** A request to a store; without a key it is about the bucket, without a bucket about the store. */
export interface StoreRequest {
  method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  bucket?: string;
  key?: string;
  query?: Record<string, string>;
  /** In lower case. */
  headers?: Record<string, string>;
  body?: Uint8Array;
  /** SHA-256 of the body in hex, where it is known already. */
  digest?: string;
  signal?: AbortSignal;
}

export interface StoreOptions {
  /** For messages, such as `minio`. */
  name: string;
  way: Way;
  credentials: Credentials;
  region: string;
  /** Told when the store does not answer and is tried again. */
  onTrouble?(message: string): void;
  /** Told when the store asks for less at once. */
  onBusy?(): void;
}

/** Connections at once. */
const SOCKETS = 64;
/** Seconds for which a store that has never answered is tried, and one that was there before. */
const FIRST_PATIENCE = 20;
const PATIENCE = 180;

/** An object store that speaks S3: signs requests, keeps connections, and outlasts its restarts. */
export class Store {
  readonly name: string;
  readonly region: string;
  readonly #options: StoreOptions;
  readonly #sign: Signer;
  readonly #agents = new Map<string, http.Agent>();
  #answered = false;

  constructor(options: StoreOptions) {
    this.name = options.name;
    this.region = options.region;
    this.#options = options;
    this.#sign = createSigner(options.credentials, options.region);
  }

  /**
   * Sends a request, again and again while the store is away or overloaded.
   *
   * @throws {StoreError} what the store answered.
   * @throws {DatamillError} STORE_UNREACHABLE (exit 4) when it stayed away.
   */
  async send(request: StoreRequest): Promise<Answer> {
    return await this.#persist(request, async (address) => {
      const answer = await exchange(address, this.#agent(address), this.#outgoing(request, address));
      if (answer.status < 200 || answer.status > 299) throw storeError(nameOf(this.name, request), answer);
      return answer;
    });
  }

  /** Like `send`, but hands the answer over before its body was read. */
  async open(request: StoreRequest): Promise<http.IncomingMessage> {
    return await this.#persist(request, async (address) => {
      const response = await open(address, this.#agent(address), this.#outgoing(request, address));
      const status = response.statusCode ?? 0;
      if (status >= 200 && status <= 299) return response;
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      throw storeError(nameOf(this.name, request), { status, body: Buffer.concat(chunks) });
    });
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
    this.#options.way.close();
  }

  async #persist<T>(request: StoreRequest, once: (address: Address) => Promise<T>): Promise<T> {
    const { way, onTrouble, onBusy } = this.#options;
    const started = Date.now();
    for (let attempt = 0; ; attempt++) {
      throwIfAborted(request.signal);
      try {
        const result = await once(await way.address());
        this.#answered = true;
        return result;
      } catch (error) {
        throwIfAborted(request.signal);
        const passing = this.#passing(error);
        if (!passing) throw error instanceof DatamillError ? error : brokenError(this.name, error);
        if (passing === 'busy') onBusy?.();
        const trouble = way.trouble();
        // A right that is missing does not come by waiting.
        if (trouble instanceof DatamillError && trouble.code === 'KUBE_FORBIDDEN') throw trouble;
        const why = errorMessage(trouble ?? error);
        const seconds = (Date.now() - started) / 1000;
        if (seconds > (this.#answered ? PATIENCE : FIRST_PATIENCE))
          throw awayError(this.name, Math.round(seconds), why, error);
        if (seconds > 1) onTrouble?.(`waiting for ${this.name}: ${why}`);
        await pause(Math.min(50 * 2 ** attempt, 2000) * (0.5 + Math.random()), request.signal);
      }
    }
  }

  #passing(error: unknown): false | 'away' | 'busy' {
    if (error instanceof DatamillError) {
      const { status, reason } = error as DatamillError & { status?: number; reason?: string };
      if (error.code.startsWith('STORE_') || error.code.startsWith('NO_SUCH_'))
        return status !== undefined && isPassing(status, reason ?? '') ? 'busy' : false;
      return ['NO_READY_POD', 'TARGET_UNREACHABLE', 'PORT_FORWARD'].includes(error.code) ? 'away' : false;
    }
    // No answer for so long: it is away, or has far too much to do.
    if ((error as NodeJS.ErrnoException).code === 'ETIMEDOUT') return 'busy';
    return isBroken(error) ? 'away' : false;
  }

  #outgoing(
    { method, bucket, key, query = {}, headers = {}, body, digest, signal }: StoreRequest,
    address: Address,
  ) {
    const host = authorityOf(address);
    const path = bucket === undefined ? '/' : `/${bucket}${key === undefined ? '' : `/${encodeKey(key)}`}`;
    const payload = digest ?? (body === undefined ? EMPTY : sha256(body));
    const signed = this.#sign({ method, host, path, query, headers, payload });
    const search = encodeQuery(query);
    return {
      method,
      path: search === '' ? path : `${path}?${search}`,
      headers: { ...signed, host, 'content-length': body?.length ?? 0 },
      body,
      signal,
    };
  }

  #agent(address: Address): http.Agent {
    const at = `${address.host}:${address.port}`;
    let agent = this.#agents.get(at);
    if (agent === undefined) {
      agent = agentFor(address, SOCKETS);
      this.#agents.set(at, agent);
    }
    return agent;
  }
}

/** What a request is about, for messages. */
function nameOf(store: string, { bucket, key }: StoreRequest): string {
  if (bucket === undefined) return store;
  return key === undefined ? `bucket "${bucket}"` : `${bucket}/${key}`;
}
