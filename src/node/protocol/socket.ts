import { io, type Socket } from 'socket.io-client';
import { pause } from '../../util/abort.ts';

/** Milliseconds that an answer to an event may take. */
const ANSWER = 10_000;
const RETRY = 1000;

export interface ServerSocket {
  on(event: string, listener: (...args: never[]) => void): void;
  /** Sent when connected, else dropped: for what a later event says again. */
  emit(event: string, ...args: unknown[]): void;
  /** The server's answer; sent again, over new connections too, until there is one. */
  ask(event: string, data: unknown, signal: AbortSignal): Promise<unknown>;
  /** One try; undefined without an answer in time. */
  askOnce(event: string, data: unknown, milliseconds: number): Promise<unknown>;
  connected(): boolean;
  close(): void;
}

export interface SocketOptions {
  /** With its namespace: `http://host:5000/tasks`. */
  url: string;
  /** Called before every connection; headers may hold a token. */
  headers?: () => Record<string, string>;
  onConnect(): void;
  onDisconnect(reason: string): void;
  onRefused(message: string): void;
}

/** A connection of socket.io (protocol 5) that is made again whenever it is lost. */
export function openSocket(options: SocketOptions): ServerSocket {
  const socket: Socket = io(options.url, {
    reconnectionDelay: 500,
    reconnectionDelayMax: 10_000,
    extraHeaders: options.headers?.(),
    // A process may talk to several servers, or to one as several nodes.
    forceNew: true,
  });
  socket.io.on('reconnect_attempt', () => {
    socket.io.opts.extraHeaders = options.headers?.();
  });
  socket.on('connect', options.onConnect);
  socket.on('disconnect', options.onDisconnect);
  socket.on('connect_error', (error) => options.onRefused(error.message));
  const askOnce = async (event: string, data: unknown, milliseconds: number) => {
    if (!socket.connected) return undefined;
    return await socket
      .timeout(milliseconds)
      .emitWithAck(event, data)
      .catch(() => undefined);
  };
  return {
    on: (event, listener) => void socket.on(event, listener as (...args: unknown[]) => void),
    emit: (event, ...args) => {
      if (socket.connected) socket.emit(event, ...args);
    },
    askOnce,
    async ask(event, data, signal) {
      for (;;) {
        const answer = await askOnce(event, data, ANSWER);
        if (answer !== undefined) return answer;
        await pause(RETRY, signal);
      }
    },
    connected: () => socket.connected,
    close: () => void socket.disconnect(),
  };
}
