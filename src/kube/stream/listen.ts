import type { AddressInfo, Server } from 'node:net';
import { DatamillError } from '../../errors.ts';

const LOOPBACK = '127.0.0.1';
/** Ports that are tried after the wanted one. */
const TRIES = 100;
/** Where a port goes that only root may open: 80 becomes 8080. */
const UNPRIVILEGED = 8000;

/**
 * Listens on loopback, on a port or, when that is taken, on the next free one.
 *
 * @param wanted 0 for any.
 * @returns the port.
 * @throws {DatamillError} NO_FREE_PORT (exit 1).
 */
export async function listenFrom(server: Server, wanted: number): Promise<number> {
  let port = wanted;
  for (let tried = 0; tried < TRIES && port < 65_536; tried++) {
    try {
      await listen(server, port);
      return (server.address() as AddressInfo).port;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EACCES' && port < 1024) port += UNPRIVILEGED;
      else if (code === 'EADDRINUSE' && wanted !== 0) port++;
      else throw noFreePort(wanted, error);
    }
  }
  throw noFreePort(wanted);
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, LOOPBACK, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function noFreePort(wanted: number, cause?: unknown): DatamillError {
  return new DatamillError('NO_FREE_PORT', `no port of this machine from ${wanted} on can be opened`, {
    cause,
    hint: 'name another one with --port',
  });
}
