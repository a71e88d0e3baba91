import { Duplex } from 'node:stream';
import WebSocket from 'ws';
import { abortError } from '../../util/abort.ts';
import type { Api } from '../client.ts';
import { frame, unframe } from './channels.ts';
import { forwardError, lostError, openError, type PodPort } from './errors.ts';
import { closeSocket } from './socket.ts';

export const FORWARD_PROTOCOL = 'v4.channel.k8s.io';
const DATA = 0;
const ERROR = 1;
/** After our end, so long without a byte from the pod counts as its end too. */
const LINGER = 2000;
/** Close codes of RFC 6455 for an end in good order; 1005 stands for none given. */
const ORDERLY = new Set([1000, 1001, 1005]);

/**
 * Opens one TCP connection to a port of a pod, on the pod's loopback, through the API server.
 *
 * The stream passes back-pressure on both ways. It takes no half-close, as the protocol knows none:
 * `end()` lets the pod's answer come until it pauses for two seconds, and only then closes. It is
 * destroyed with an error when the port is closed, the pod vanishes or the connection is cut, also
 * soon after it was opened: the node dials the port only then. `signal` ends it.
 *
 * @throws {DatamillError} POD_GONE; KUBE_FORBIDDEN; exit 4 when the API server does not answer.
 */
export async function portForward(api: Api, at: PodPort, signal?: AbortSignal): Promise<Duplex> {
  const path = `/api/v1/namespaces/${at.namespace}/pods/${at.pod}/portforward?ports=${at.port}`;
  try {
    return new PodConnection(await api.socket(path, [FORWARD_PROTOCOL], signal), at, signal);
  } catch (error) {
    throw openError(error, 'pods/portforward', at);
  }
}

class PodConnection extends Duplex {
  readonly #socket: WebSocket;
  readonly #at: PodPort;
  /** Channels whose first message, which repeats the port, has come. */
  readonly #begun = new Set<number>();
  #said = '';
  #ending = false;
  #linger: NodeJS.Timeout | undefined;

  constructor(socket: WebSocket, at: PodPort, signal: AbortSignal | undefined) {
    // The pod's end is the end: there is nobody left to write to.
    super({ allowHalfOpen: false });
    this.#socket = socket;
    this.#at = at;
    socket.on('message', (message) => this.#receive(message as Buffer));
    socket.on('close', (code) => this.#closed(code));
    if (signal !== undefined) {
      const abort = () => this.destroy(abortError(signal));
      signal.addEventListener('abort', abort);
      this.once('close', () => signal.removeEventListener('abort', abort));
    }
    socket.resume();
  }

  #receive(message: Buffer): void {
    const { channel, payload } = unframe(message) ?? {};
    if (payload === undefined || this.destroyed) return;
    const content = this.#begun.has(channel!) ? payload : payload.subarray(2);
    this.#begun.add(channel!);
    if (content.length === 0) return;
    if (channel === ERROR) {
      this.#said += content.toString('utf8');
      this.#end();
    }
    if (channel !== DATA) return;
    this.#linger?.refresh();
    if (!this.push(content)) this.#socket.pause();
  }

  #closed(code: number): void {
    clearTimeout(this.#linger);
    if (this.destroyed) return;
    if (this.#said !== '') this.destroy(forwardError(this.#at, this.#said));
    else if (this.#ending || ORDERLY.has(code)) this.push(null);
    else this.destroy(lostError(this.#at, code));
  }

  #end(): void {
    this.#ending = true;
    closeSocket(this.#socket);
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    // What is written after the pod's end is lost, as on any connection; what it said is still read.
    if (this.#socket.readyState !== WebSocket.OPEN) done();
    else this.#socket.send(frame(DATA, chunk), () => done());
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#linger = setTimeout(() => {
      if (this.#socket.isPaused) this.#linger?.refresh();
      else this.#end();
    }, LINGER);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#linger);
    if (error === null) closeSocket(this.#socket);
    else this.#socket.terminate();
    done(error);
  }
}
