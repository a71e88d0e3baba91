import WebSocket from 'ws';
import { type Carrier, PodConnection } from './connection.ts';
import { forwardError, lostError, type PodPort } from './errors.ts';
import { closeSocket } from './socket.ts';
import { controlFrame, dataFrames, endFrame, FrameReader, FrameType, synStream } from './spdy.ts';

/** The streams of one connection, by their ids. */
interface Pair {
  at: PodPort;
  data: number;
  error: number;
  connection: PodConnection;
  said: string;
  dataEnded: boolean;
  errorEnded: boolean;
  /** Whether the pod was told that we send no more. */
  weEnded: boolean;
}

/**
 * SPDY in a WebSocket: connections to a pod without a handshake for each. It could carry many at a
 * time, but there is no flow control in it, so that one slow reader would hold up all others: it
 * carries one after the other.
 */
export class Tunnel {
  readonly #socket: WebSocket;
  readonly #onIdle: (tunnel: Tunnel) => void;
  #pair: Pair | undefined;
  #opened = 0;
  /** The other side wants no more streams. */
  #leaving = false;

  /** @param onIdle is told when it can carry the next one. */
  constructor(socket: WebSocket, onIdle: (tunnel: Tunnel) => void) {
    this.#socket = socket;
    this.#onIdle = onIdle;
    const reader = new FrameReader({
      data: (stream, payload, fin) => this.#receive(stream, payload, fin),
      control: (type, body) => this.#control(type, body),
    });
    socket.on('message', (message) => reader.read(message as Buffer));
    socket.on('close', (code) => this.#closed(code));
    socket.resume();
  }

  get usable(): boolean {
    return this.#socket.readyState === WebSocket.OPEN && !this.#leaving && this.#pair === undefined;
  }

  /** Begins a connection; only when `usable`. */
  open(at: PodPort, signal: AbortSignal | undefined): PodConnection {
    const request = this.#opened++;
    // Streams that a client opens have odd numbers.
    const error = request * 4 + 1;
    const data = error + 2;
    const headers = { port: String(at.port), requestid: String(request) };
    this.#socket.send(
      Buffer.concat([
        synStream(error, { streamtype: 'error', ...headers }, request === 0),
        endFrame(error),
        synStream(data, { streamtype: 'data', ...headers }, false),
      ]),
    );
    const connection: PodConnection = new PodConnection(
      this.#carrier(() => (this.#pair?.data === data ? this.#pair : undefined)),
      signal,
    );
    const ends = { said: '', dataEnded: false, errorEnded: false, weEnded: false };
    this.#pair = { at, data, error, connection, ...ends };
    return connection;
  }

  close(): void {
    closeSocket(this.#socket);
  }

  /** @param mine the pair of the connection, for as long as the tunnel carries it. */
  #carrier(mine: () => Pair | undefined): Carrier {
    const socket = this.#socket;
    return {
      halfClose: true,
      send(pieces, sent) {
        const pair = mine();
        // What is written after the pod's end is lost, as on any connection; what it said is still read.
        if (pair === undefined || socket.readyState !== WebSocket.OPEN) return sent();
        const frames = dataFrames(pair.data, pieces);
        for (const frame of frames.slice(0, -1)) socket.send(frame);
        socket.send(frames.at(-1)!, () => sent());
      },
      end: () => {
        const pair = mine();
        if (pair === undefined || pair.weEnded) return;
        pair.weEnded = true;
        if (socket.readyState === WebSocket.OPEN) socket.send(endFrame(pair.data));
        this.#settle(pair);
      },
      close: () => {
        const pair = mine();
        // One that ended well only waits for the last word; any other takes the tunnel with it.
        if (pair !== undefined && !(pair.dataEnded && pair.weEnded)) this.close();
      },
      pause: () => mine() !== undefined && socket.pause(),
      resume: () => mine() !== undefined && socket.resume(),
      isPaused: () => mine() !== undefined && socket.isPaused,
    };
  }

  #receive(stream: number, payload: Buffer, fin: boolean): void {
    const pair = this.#pair;
    if (stream === pair?.data) {
      if (payload.length > 0) pair.connection.receive(payload);
      if (!fin) return;
      pair.dataEnded = true;
      // With an error to come the end is not one in good order.
      if (pair.errorEnded) this.#settle(pair);
    } else if (stream === pair?.error) {
      pair.said += payload.toString('utf8');
      pair.errorEnded ||= fin;
      if (fin) this.#settle(pair);
    }
  }

  #control(type: number, body: Buffer): void {
    const pair = this.#pair;
    if (type === FrameType.ping) this.#socket.send(controlFrame(FrameType.ping, body));
    if (type === FrameType.goAway) this.#leaving = true;
    if (type !== FrameType.rstStream || pair === undefined) return;
    const stream = body.readUInt32BE(0);
    if (stream === pair.data || stream === pair.error) this.#fail(pair, lostError(pair.at, 'reset'));
  }

  /** Both streams have ended: the connection ends, and the tunnel is free when we have ended too. */
  #settle(pair: Pair): void {
    if (!pair.errorEnded) return;
    if (pair.said !== '') this.#fail(pair, forwardError(pair.at, pair.said));
    else if (pair.dataEnded) this.#end(pair);
  }

  #end(pair: Pair): void {
    pair.connection.finish();
    if (!pair.weEnded || this.#pair !== pair) return;
    this.#pair = undefined;
    this.#socket.resume();
    this.#onIdle(this);
  }

  #fail(pair: Pair, error: Error): void {
    this.#pair = undefined;
    pair.connection.destroy(error);
    this.close();
  }

  #closed(code: number): void {
    const pair = this.#pair;
    this.#pair = undefined;
    if (pair === undefined) return;
    if (pair.dataEnded && pair.said === '') pair.connection.finish();
    else pair.connection.destroy(lostError(pair.at, code));
  }
}
