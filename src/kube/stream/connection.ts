import { Duplex } from 'node:stream';
import { abortError } from '../../util/abort.ts';

/** What carries the bytes of one connection to a pod. */
export interface Carrier {
  /** Whether `end` leaves the way back open. */
  readonly halfClose: boolean;
  send(pieces: readonly Buffer[], sent: () => void): void;
  /** No more is sent to the pod. */
  end(): void;
  /** Nothing more is wanted from this connection. */
  close(): void;
  pause(): void;
  resume(): void;
  isPaused(): boolean;
}

/** Bytes that wait on each way before the sender is held up. */
const BUFFER = 512 * 1024;
/** A program that ends its side before it was answered waits for the answer, so many milliseconds. */
const UNANSWERED = 30_000;
/** The rest of an answer is waited for until it pauses for so long. */
const REST = 500;

/** One TCP connection to a port of a pod. Whoever carries it tells what comes by `receive`, `finish` and `destroy`. */
export class PodConnection extends Duplex {
  readonly #carrier: Carrier;
  /** Whether the pod has said something since we last did; true as long as nothing was asked. */
  #answered = true;
  #timer: NodeJS.Timeout | undefined;
  /** What came in this turn of the event loop, which is pushed as one. */
  #come: Buffer[] = [];

  constructor(carrier: Carrier, signal: AbortSignal | undefined) {
    // The pod's end is the end: there is nobody left to write to.
    super({ allowHalfOpen: false, readableHighWaterMark: BUFFER, writableHighWaterMark: BUFFER });
    this.#carrier = carrier;
    if (signal === undefined) return;
    const abort = () => this.destroy(abortError(signal));
    signal.addEventListener('abort', abort);
    this.once('close', () => signal.removeEventListener('abort', abort));
  }

  /** Bytes from the pod. */
  receive(payload: Buffer): void {
    if (this.destroyed) return;
    this.#answered = true;
    if (this.#timer !== undefined) this.#endAfter(REST);
    if (this.#come.length === 0) setImmediate(() => this.#flush());
    this.#come.push(payload);
  }

  /** The pod has ended the connection. */
  finish(): void {
    clearTimeout(this.#timer);
    this.#flush();
    if (!this.destroyed) this.push(null);
  }

  /** One large piece is one system call for whoever writes it on, many small ones are many. */
  #flush(): void {
    const pieces = this.#come;
    if (pieces.length === 0 || this.destroyed) return;
    this.#come = [];
    const whole = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
    if (!this.push(whole)) this.#carrier.pause();
  }

  override _read(): void {
    this.#carrier.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#answered = false;
    this.#carrier.send([chunk], () => done());
  }

  /** What had to wait goes out as one message, not as many. */
  override _writev(chunks: Array<{ chunk: Buffer }>, done: (error?: Error | null) => void): void {
    this.#answered = false;
    this.#carrier.send(
      chunks.map(({ chunk }) => chunk),
      () => done(),
    );
  }

  override _final(done: (error?: Error | null) => void): void {
    // A node may cut the pod's answer a second after our end: it is told when the answer has come.
    if (this.readableEnded || (this.#answered && this.#carrier.halfClose)) this.#carrier.end();
    else this.#endAfter(this.#answered ? REST : UNANSWERED);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#timer);
    this.#carrier.close();
    done(error);
  }

  #endAfter(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#carrier.isPaused()) this.#endAfter(REST);
      else this.#carrier.end();
    }, milliseconds);
  }
}
