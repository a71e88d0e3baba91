import { createReadStream } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { posix } from 'node:path';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import ssh2, { type Client, type ClientChannel } from 'ssh2';
import { DatamillError, errorMessage, unreachableError } from '../errors.ts';
import { abortError } from '../util/abort.ts';
import type { ExecResult } from '../util/exec.ts';
import { shellQuote } from '../util/shell.ts';
import { lostError } from './errors.ts';
import { type Login, Ways } from './login.ts';
import { distrust, type Trust, wantedTypes } from './trust.ts';

/** One machine on the way: where it is, how it is known, and who logs in. */
export interface Hop {
  trust: Trust;
  login: Login;
}

export interface ExecOptions {
  input?: string;
  signal?: AbortSignal;
  onLine?(line: string): void;
}

/** Milliseconds until something that does not answer counts as down; a user may take longer to answer us. */
const DIAL_WITHIN = 15_000;
const LOGIN_WITHIN = 180_000;
const KEEPALIVE = 5000;

/**
 * Logs in at the last of the machines, each reached through the one before it.
 *
 * @throws {DatamillError} HOST_KEY, HOST_KEY_UNKNOWN, SSH_AUTH, SSH_UNREACHABLE (exit 4).
 */
export async function openMachine(hops: readonly Hop[], signal?: AbortSignal): Promise<SshMachine> {
  const [first, ...others] = hops as [Hop, ...Hop[]];
  const socket = await dial(first.trust, signal);
  let client = await logIn(socket, first, signal);
  const before: Client[] = [];
  for (const hop of others) {
    const { host, port } = hop.trust;
    const through = client;
    const stream = await new Promise<ClientChannel>((resolve, reject) =>
      through.forwardOut('127.0.0.1', 0, host, port, (error, channel) =>
        error
          ? reject(unreachable(hop.trust, `the machine before it says: ${error.message}`))
          : resolve(channel),
      ),
    ).catch((error) => {
      socket.destroy();
      throw error;
    });
    before.push(client);
    client = await logIn(stream, hop, signal);
  }
  return new SshMachine(client, socket, before);
}

function dial({ host, port, ...trust }: Trust, signal?: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true });
    const fail = (why: string) => {
      socket.destroy();
      reject(signal?.aborted ? abortError(signal) : unreachable({ host, port, ...trust }, why));
    };
    const timer = setTimeout(() => fail(`no answer in ${DIAL_WITHIN / 1000} s`), DIAL_WITHIN);
    const abort = () => fail('aborted');
    signal?.addEventListener('abort', abort);
    const failed = (error: Error) => fail((error as NodeJS.ErrnoException).code ?? error.message);
    socket.once('error', failed);
    socket.once('connect', () => {
      socket.off('error', failed);
      socket.on('error', () => undefined);
      socket.setKeepAlive(true, KEEPALIVE);
      resolve(socket);
    });
    socket.once('close', () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    });
    socket.once('connect', () => clearTimeout(timer));
  });
}

function unreachable({ host, port }: Trust, why: string): DatamillError {
  return unreachableError('SSH_UNREACHABLE', `${host}:${port} cannot be reached over SSH: ${why}`, {
    hint: 'check the address, and that an SSH server listens there; `ssh -v` to the same place says more',
  });
}

async function logIn(stream: Duplex, { trust, login }: Hop, signal?: AbortSignal): Promise<Client> {
  const client = new ssh2.Client();
  const ways = new Ways(login);
  let impostor: DatamillError | undefined;
  const abort = () => stream.destroy();
  signal?.addEventListener('abort', abort);
  try {
    await new Promise<void>((resolve, reject) => {
      client.once('ready', resolve);
      client.on('error', reject);
      client.once('close', () => reject(new Error('the server ended the connection')));
      client.connect({
        sock: stream as never,
        username: login.user,
        readyTimeout: login.ask === undefined ? DIAL_WITHIN : LOGIN_WITHIN,
        algorithms: { serverHostKey: wantedTypes(trust) as never },
        hostVerifier: (key: Buffer, verify: (fine: boolean) => void) => {
          void distrust(key, trust).then(
            (why) => {
              impostor = why;
              verify(why === undefined);
            },
            (error) => {
              impostor = error as DatamillError;
              verify(false);
            },
          );
        },
        authHandler: ((_left: unknown, _partial: unknown, next: (way: unknown) => void) => {
          void ways.next().then(next, () => next(false));
        }) as never,
      });
    });
    return client;
  } catch (error) {
    stream.destroy();
    if (signal?.aborted) throw abortError(signal);
    if (impostor !== undefined) throw impostor;
    if ((error as { level?: string }).level !== 'client-authentication')
      throw unreachable(trust, errorMessage(error));
    const [problem] = ways.problems;
    if (problem !== undefined) throw problem;
    throw unreachableError(
      'SSH_AUTH',
      `${trust.host} does not let ${login.user} in with the keys that there are`,
      {
        hint: `add your public key to ~${login.user}/.ssh/authorized_keys there, or name another one with \`key\``,
      },
    );
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/** A machine at the other end. An idle connection does not keep this process alive. */
export class SshMachine {
  /** Settles when the connection is over. */
  readonly closed: Promise<void>;
  readonly #client: Client;
  readonly #socket: Socket;
  #busy = 0;
  #over = false;

  constructor(client: Client, socket: Socket, before: readonly Client[]) {
    this.#client = client;
    this.#socket = socket;
    client.on('error', () => undefined);
    for (const one of before) one.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      client.once('close', () => {
        this.#over = true;
        for (const one of before) one.end();
        socket.destroy();
        resolve();
      });
    });
    socket.unref();
  }

  get over(): boolean {
    return this.#over;
  }

  /** Bytes that wait to be sent, for the pace of what is carried. */
  get output(): Socket {
    return this.#socket;
  }

  /**
   * Runs a command line of a shell and waits for it to end.
   *
   * @throws {DatamillError} SSH_LOST when the connection ends before it.
   */
  exec(command: string, options: ExecOptions = {}): Promise<ExecResult> {
    return this.#while(
      () =>
        new Promise((resolve, reject) => {
          this.#client.exec(command, (error, channel) => {
            if (error) reject(lostError(error.message, error));
            else collect(channel, options, resolve, reject);
          });
        }),
    );
  }

  /** Opens a connection from there. */
  connect(host: string, port: number): Promise<Duplex> {
    return this.#while(
      () =>
        new Promise((resolve, reject) =>
          this.#client.forwardOut('127.0.0.1', 0, host, port, (error, channel) =>
            error ? reject(error) : resolve(channel),
          ),
        ),
    );
  }

  /** Copies a file there; what is there in part is never under its name. */
  async upload(from: string, to: string, mode: number, { signal }: ExecOptions = {}): Promise<void> {
    const [part, target] = [shellQuote(`${to}.part`), shellQuote(to)];
    const command = `umask 077 && mkdir -p ${shellQuote(posix.dirname(to))} && cat > ${part} && chmod ${mode.toString(8)} ${part} && mv -f ${part} ${target}`;
    const { exitCode, stderr } = await this.#while(
      () =>
        new Promise<ExecResult>((resolve, reject) => {
          this.#client.exec(command, (error, channel) => {
            if (error) return reject(lostError(error.message, error));
            collect(channel, { signal, keepOpen: true }, resolve, reject);
            pipeline(createReadStream(from), channel).catch((failure) => {
              channel.close();
              reject(failure);
            });
          });
        }),
    );
    if (exitCode !== 0)
      throw new DatamillError('SSH_UPLOAD', `${from} cannot be copied to ${to}: ${stderr.trim()}`);
  }

  close(): void {
    this.#client.end();
    this.#socket.destroy();
  }

  async #while<T>(work: () => Promise<T>): Promise<T> {
    if (this.#over) throw lostError('the server ended it');
    if (this.#busy++ === 0) this.#socket.ref();
    const lost = this.closed.then(() => Promise.reject(lostError('the server ended it')));
    lost.catch(() => undefined);
    try {
      return await Promise.race([work(), lost]);
    } finally {
      if (--this.#busy === 0) this.#socket.unref();
    }
  }
}

function collect(
  channel: ClientChannel,
  { input, signal, onLine, keepOpen }: ExecOptions & { keepOpen?: boolean },
  resolve: (result: ExecResult) => void,
  reject: (error: unknown) => void,
): void {
  const output = { stdout: '', stderr: '' };
  const rest = { stdout: '', stderr: '' };
  const take = (name: 'stdout' | 'stderr') => (chunk: Buffer) => {
    output[name] += chunk;
    const lines = (rest[name] + chunk).split('\n');
    rest[name] = lines.pop()!;
    for (const line of lines) onLine?.(line);
  };
  let exitCode = 1;
  const abort = () => {
    channel.signal('TERM');
    channel.close();
  };
  signal?.addEventListener('abort', abort);
  if (signal?.aborted) abort();
  channel.on('data', take('stdout'));
  channel.stderr.on('data', take('stderr'));
  channel.on('exit', (code: number | null) => {
    exitCode = code ?? 1;
  });
  channel.once('error', reject);
  channel.once('close', () => {
    signal?.removeEventListener('abort', abort);
    resolve({ exitCode, ...output, canceled: signal?.aborted ?? false });
  });
  if (!keepOpen) channel.end(input ?? '');
}
