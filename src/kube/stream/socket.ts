import type http from 'node:http';
import WebSocket from 'ws';
import { abortError } from '../../util/abort.ts';
import { connectionError, responseError } from '../errors.ts';

export interface Dial {
  /** URL of the API server, for messages. */
  server: string;
  /** What to open, with `ws:` or `wss:`. */
  url: URL;
  headers: http.OutgoingHttpHeaders;
  agent: http.Agent | undefined;
  /** Sub-protocols, the best one first. */
  protocols: readonly string[];
  signal?: AbortSignal;
}

export interface Opened {
  socket: WebSocket;
  /** The sub-protocol that was agreed on. */
  protocol: string;
}

const PROTOCOL = 'sec-websocket-protocol';
const OPEN_TIMEOUT = 30_000;
/** Balancers before an API server end what is idle for a minute or more. */
const PING_EVERY = 15_000;
/** A peer that owes an answer for so long is gone. */
const SILENCE = 45_000;
/** How long the other side may take to close, once we have. */
const CLOSE_WITHIN = 1000;

/**
 * Opens a WebSocket to the API server. It is paused, so that no message comes before somebody
 * listens; pings keep it alive, and end it when the other side has vanished.
 *
 * @throws {KubeError} what the API server answered instead.
 * @throws {DatamillError} TARGET_UNREACHABLE or TARGET_UNTRUSTED (exit 4); the reason of the signal.
 */
export function openSocket({ server, url, headers, agent, protocols, signal }: Dial): Promise<Opened> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) throw abortError(signal);
    // The name of one of them is no token of HTTP, which the library would not have; Kubernetes does.
    const offered = { ...headers, [PROTOCOL]: protocols.join(', ') } as Record<string, string>;
    let protocol: string | undefined;
    const socket = new WebSocket(url, {
      headers: offered,
      agent,
      handshakeTimeout: OPEN_TIMEOUT,
      perMessageDeflate: false,
      skipUTF8Validation: true,
      maxPayload: 0,
      ...(url.protocol === 'wss:' ? { generateMask: noMask } : {}),
    });
    const abort = () => {
      socket.terminate();
      reject(abortError(signal!));
    };
    signal?.addEventListener('abort', abort);
    const settled = () => signal?.removeEventListener('abort', abort);
    socket.once('unexpected-response', (_request, response) => {
      settled();
      readText(response).then((text) => reject(responseError(response.statusCode ?? 0, text)), reject);
    });
    // It stays: an error that comes later is followed by `close`, which is what is listened to.
    socket.on('error', (error) => {
      settled();
      reject(connectionError(server, error));
    });
    socket.once('upgrade', (response) => {
      protocol = response.headers[PROTOCOL];
      delete response.headers[PROTOCOL];
    });
    socket.once('open', () => {
      settled();
      socket.pause();
      if (protocol === undefined || !protocols.includes(protocol)) {
        socket.terminate();
        reject(connectionError(server, new Error(`it speaks none of ${protocols.join(', ')}`)));
        return;
      }
      keepAlive(socket);
      resolve({ socket, protocol });
    });
  });
}

/**
 * Masks are there so that proxies which read along cannot be led to take what is sent for requests.
 * Below TLS nobody reads along: a mask of zeros, which leaves everything as it is, spares the work.
 */
function noMask(mask: Buffer): void {
  mask.fill(0);
}

/** Closes in good order; what was sent before arrives. A peer that does not answer is left. */
export function closeSocket(socket: WebSocket): void {
  if (socket.readyState === WebSocket.CLOSED) return;
  // The answer to our close is read only by a socket that flows.
  socket.resume();
  socket.close(1000);
  const timer = setTimeout(() => socket.terminate(), CLOSE_WITHIN);
  socket.once('close', () => clearTimeout(timer));
}

function keepAlive(socket: WebSocket): void {
  let heard = true;
  let silent = 0;
  const hear = () => {
    heard = true;
  };
  socket.on('pong', hear).on('message', hear);
  const timer = setInterval(() => {
    // A reader that is slow hears no answer, and a peer whose own reader is slow gives none.
    silent = heard || socket.isPaused || socket.bufferedAmount > 0 ? 0 : silent + PING_EVERY;
    heard = false;
    if (silent > SILENCE) socket.terminate();
    else socket.ping();
  }, PING_EVERY);
  timer.unref();
  socket.once('close', () => clearInterval(timer));
}

async function readText(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
