import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** What a local program may still send after the pod's end, in milliseconds, until it is cut. */
const PARTING = 2000;

/**
 * Carries bytes between a socket of this machine and a connection to a pod, until both have ended.
 * An end in good order stays one; a connection that broke is reset, so that what was read until
 * then is not taken for all.
 *
 * @param onError is told why the connection broke.
 */
export function join(socket: Socket, connection: Duplex, onError: (error: unknown) => void): void {
  socket.pipe(connection);
  connection.pipe(socket);
  connection.on('error', (error) => {
    reset(socket);
    onError(error);
  });
  connection.once('end', () => {
    // Read on: a socket that is closed with bytes unread takes back what it has sent.
    socket.unpipe(connection);
    socket.resume();
    const timer = setTimeout(() => socket.destroy(), PARTING);
    socket.once('close', () => clearTimeout(timer));
  });
  socket.once('close', () => connection.destroy());
}

/**
 * Resets a socket. Node's own `resetAndDestroy` ends it in good order first, which tells the other
 * side that it has read all there is; where this field is not known it stays with such an end.
 */
export function reset(socket: Socket): void {
  (socket as Socket & { resetAndClosing?: boolean }).resetAndClosing = true;
  socket.destroy();
}
