import { connect, type Socket, type TcpNetConnectOpts } from 'node:net';
import { abortError } from '../util/abort.ts';

/**
 * Opens a TCP connection.
 *
 * @param within milliseconds until something that does not answer counts as down.
 * @param signal ends the attempt with its error; once connected the socket is the caller's.
 */
export function connectWithin(
  options: TcpNetConnectOpts,
  within: number,
  signal?: AbortSignal,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...options, noDelay: true });
    const late = () => socket.destroy(new Error(`no answer in ${within / 1000} s`));
    const timer = setTimeout(late, within);
    const leave = () => socket.destroy(abortError(signal!));
    signal?.addEventListener('abort', leave);
    if (signal?.aborted) leave();
    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', leave);
      socket.off('error', failed);
    };
    const failed = (error: Error) => {
      settle();
      reject(error);
    };
    socket.once('error', failed);
    socket.once('connect', () => {
      settle();
      resolve(socket);
    });
  });
}
