import { timingSafeEqual } from 'node:crypto';
import type { Duplex } from 'node:stream';
import ssh2, { type Client, type ClientChannel } from 'ssh2';
import { DatamillError, errorMessage } from '../errors.ts';
import { abortError } from '../util/abort.ts';
import { algorithms } from './algorithms.ts';
import { authError, hostKeyError, listenError, lostError } from './errors.ts';
import { gather } from './gather.ts';
import { fingerprint } from './keys.ts';
import { watchSilence } from './silence.ts';

export interface SshDial {
  /** An open connection to the server. */
  stream: Duplex;
  user: string;
  privateKey: string;
  /** The only key that the server may have, as bytes. */
  hostKey: Buffer;
  signal?: AbortSignal;
}

/** A connection that came in at the server; one of the two must be called. */
export interface Incoming {
  /** The port at which it came in. */
  port: number;
  /** `address:port` of the one who connected. */
  peer: string;
  accept(): Duplex;
  reject(): void;
}

/** Milliseconds that the handshake may take. */
const READY_WITHIN = 15_000;
/** Milliseconds between questions whether the server is still there. */
const ASK_EVERY = 2000;
/** So many of them without a byte from it, and it is gone. */
const ASK_TIMES = 4;
/** How long a server may take to read our good-bye. */
const LEAVE_WITHIN = 200;

/**
 * Logs in with a key at a server whose key is known.
 *
 * @throws {DatamillError} HOST_KEY or SSH_AUTH (exit 4), which no other try heals; SSH_LOST.
 */
export async function openSsh({ stream, user, privateKey, hostKey, signal }: SshDial): Promise<SshLink> {
  const client = new ssh2.Client();
  let impostor: DatamillError | undefined;
  const link = new SshLink(client, stream);
  gather(stream);
  const abort = () => stream.destroy();
  signal?.addEventListener('abort', abort);
  try {
    await new Promise<void>((resolve, reject) => {
      client.once('ready', resolve);
      client.on('error', reject);
      client.once('close', () => reject(lostError('the server ended it')));
      client.connect({
        sock: stream as never,
        username: user,
        privateKey,
        authHandler: ['publickey'],
        algorithms,
        readyTimeout: READY_WITHIN,
        // Only asks: whether the answers come is seen by what comes at all.
        keepaliveInterval: ASK_EVERY,
        keepaliveCountMax: Number.POSITIVE_INFINITY,
        hostVerifier: (key: Buffer) => {
          if (key.length === hostKey.length && timingSafeEqual(key, hostKey)) return true;
          impostor = hostKeyError(fingerprint(key), fingerprint(hostKey));
          return false;
        },
      });
    });
    link.begin();
    return link;
  } catch (error) {
    stream.destroy();
    if (signal?.aborted) throw abortError(signal);
    throw impostor ?? toError(error);
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

function toError(error: unknown): DatamillError {
  if (error instanceof DatamillError) return error;
  const { level } = error as { level?: string };
  return level === 'client-authentication'
    ? authError(error as Error)
    : lostError(errorMessage(error), error);
}

/** An SSH connection over which the server hands us what comes in at its ports. */
export class SshLink {
  /** Settles when the connection is over; says why when it was not we who ended it. */
  readonly closed: Promise<DatamillError | undefined>;
  readonly #client: Client;
  readonly #stream: Duplex;
  #why: DatamillError | undefined;
  #leaving = false;
  #lost = false;

  constructor(client: Client, stream: Duplex) {
    this.#client = client;
    this.#stream = stream;
    // Known before any channel hears of it: what was read through them is then only a part.
    for (const event of ['error', 'end', 'close'])
      stream.prependListener(event, () => {
        this.#lost = true;
      });
    client.on('error', (error) => {
      this.#why ??= toError(error);
    });
    this.closed = new Promise((resolve) => {
      client.once('close', () =>
        resolve(this.#leaving ? undefined : (this.#why ?? lostError('the server ended it'))),
      );
    });
  }

  /** True when the connection below is gone, so that channels end in the middle. */
  get lost(): boolean {
    return this.#lost;
  }

  /** Bytes that wait to be sent, and how to hear that there are none any more. */
  get output(): Pick<Duplex, 'writableLength' | 'once' | 'off'> {
    return this.#stream;
  }

  /** From now on silence is noticed. */
  begin(): void {
    const stop = watchSilence(this.#stream, ASK_EVERY, ASK_TIMES, (seconds) => {
      this.#why = lostError(`nothing was heard for ${seconds} s`);
      this.#stream.destroy();
    });
    this.#client.once('close', stop);
  }

  onIncoming(handle: (incoming: Incoming) => void): void {
    this.#client.on('tcp connection', (details, accept, reject) => {
      handle({
        port: details.destPort,
        peer: `${details.srcIP}:${details.srcPort}`,
        accept: accept as () => ClientChannel,
        reject,
      });
    });
  }

  /**
   * Lets the server listen.
   *
   * @throws {DatamillError} SSH_LISTEN when the port is taken there, or is not allowed; SSH_LOST.
   */
  listen(host: string, port: number): Promise<void> {
    return this.#ask((done) => this.#client.forwardIn(host, port, done), host, port);
  }

  /** The server stops listening; connections that are open stay. */
  unlisten(host: string, port: number): Promise<void> {
    return this.#ask((done) => this.#client.unforwardIn(host, port, done), host, port);
  }

  #ask(ask: (done: (error?: Error | null) => void) => void, host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const lost = () => reject(lostError('the server ended it'));
      this.#client.once('close', lost);
      const done = (error?: Error | null) => {
        this.#client.off('close', lost);
        if (error === undefined || error === null) resolve();
        else reject(this.#lost ? lostError(error.message) : listenError(host, port, error));
      };
      try {
        ask(done);
      } catch (error) {
        done(error as Error);
      }
    });
  }

  /** Says good-bye, and settles when the connection is closed. */
  async close(): Promise<void> {
    this.#leaving = true;
    this.#client.end();
    const timer = setTimeout(() => this.#stream.destroy(), LEAVE_WITHIN);
    await this.closed;
    clearTimeout(timer);
  }
}
