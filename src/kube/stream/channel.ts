import WebSocket from 'ws';
import { frame, unframe } from './channels.ts';
import { type Carrier, PodConnection } from './connection.ts';
import { forwardError, lostError, type PodPort } from './errors.ts';
import { closeSocket } from './socket.ts';

const DATA = 0;
const ERROR = 1;
/** Close codes of RFC 6455 for an end in good order; 1005 stands for none given. */
const ORDERLY = new Set([1000, 1001, 1005]);

/** A connection in a WebSocket of its own: `v4.channel.k8s.io`, which has no half-close. */
export function openChannel(socket: WebSocket, at: PodPort, signal: AbortSignal | undefined): PodConnection {
  /** Channels whose first message, which repeats the port, has come. */
  const begun = new Set<number>();
  let said = '';
  let ending = false;
  const carrier: Carrier = {
    halfClose: false,
    send(pieces, sent) {
      // What is written after the pod's end is lost, as on any connection; what it said is still read.
      if (socket.readyState !== WebSocket.OPEN) sent();
      else socket.send(frame(DATA, ...pieces), () => sent());
    },
    end() {
      ending = true;
      closeSocket(socket);
    },
    close: () => closeSocket(socket),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    isPaused: () => socket.isPaused,
  };
  const connection = new PodConnection(carrier, signal);
  socket.on('message', (message) => {
    const { channel = -1, payload } = unframe(message as Buffer) ?? {};
    if (payload === undefined) return;
    const content = begun.has(channel) ? payload : payload.subarray(2);
    begun.add(channel);
    if (content.length === 0) return;
    if (channel === DATA) connection.receive(content);
    if (channel !== ERROR) return;
    said += content.toString('utf8');
    carrier.end();
  });
  socket.on('close', (code) => {
    if (said !== '') connection.destroy(forwardError(at, said));
    else if (ending || ORDERLY.has(code)) connection.finish();
    else connection.destroy(lostError(at, code));
  });
  socket.resume();
  return connection;
}
