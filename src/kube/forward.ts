import { setMaxListeners } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { DatamillError } from '../errors.ts';
import type { Api } from './client.ts';
import type { Backend, ServicePort } from './stream/backend.ts';
import { join, reset } from './stream/join.ts';
import { listenFrom } from './stream/listen.ts';
import { Route } from './stream/route.ts';

/** A port on this machine behind which a service of the cluster answers. */
export interface Forwarded {
  port: number;
  /** Ends the port and all connections through it. */
  close(): void;
}

/** What happens to a forward after it was opened. */
export type ForwardEvent =
  | { type: 'pod'; pod: string; before: string | undefined }
  /** A connection could not be made, or broke. */
  | { type: 'refused'; error: unknown };

/**
 * Opens a port on loopback that leads to a ready pod of a service.
 *
 * @throws {DatamillError} NO_SERVICE, NO_SUCH_PORT, NO_READY_POD (exit 1) when it leads nowhere now.
 */
export async function forwardService(
  api: Api,
  namespace: string,
  service: string,
  port: number,
  onError: (error: unknown) => void,
): Promise<Forwarded> {
  const tell = (event: ForwardEvent) => {
    if (event.type === 'refused') onError(event.error);
  };
  const forward = new Forward(api, { namespace, service, port }, tell);
  await forward.find();
  return await forward.listen(0);
}

/** Bytes that wait for a local program before the pod is held up. */
const BUFFER = 256 * 1024;

/** A port on loopback; every connection goes to a pod of the service that is ready then. */
export class Forward {
  readonly #route: Route;
  readonly #closed = new AbortController();
  readonly #sockets = new Set<Socket>();
  readonly #tell: (event: ForwardEvent) => void;

  constructor(api: Api, to: ServicePort, tell: (event: ForwardEvent) => void) {
    this.#route = new Route(api, to, (pod, before) => tell({ type: 'pod', pod, before }));
    this.#tell = tell;
    // Every connection listens to it: many are no leak.
    setMaxListeners(0, this.#closed.signal);
  }

  /**
   * The pod that connections go to now.
   *
   * @throws {DatamillError} why there is none.
   */
  async find(): Promise<Backend> {
    return await this.#route.find(this.#closed.signal);
  }

  /**
   * Listens on a port or, when that is taken, on the next free one.
   *
   * @param wanted 0 for any.
   * @throws {DatamillError} NO_FREE_PORT (exit 1).
   */
  async listen(wanted: number): Promise<Forwarded> {
    const server = createServer(
      { allowHalfOpen: true, noDelay: true, highWaterMark: BUFFER },
      (socket) => void this.#serve(socket),
    );
    const port = await listenFrom(server, wanted);
    const close = () => {
      server.close();
      this.#closed.abort(new DatamillError('CLOSED', 'the forward was closed'));
      for (const socket of this.#sockets) socket.destroy();
    };
    return { port, close };
  }

  async #serve(socket: Socket): Promise<void> {
    const { signal } = this.#closed;
    const report = (error: unknown) => {
      if (!signal.aborted) this.#tell({ type: 'refused', error });
    };
    this.#sockets.add(socket);
    // An error of a socket is followed by its close, which ends the other side.
    socket.on('error', () => undefined);
    socket.once('close', () => this.#sockets.delete(socket));
    try {
      const connection = await this.#route.connect(signal);
      if (socket.destroyed) connection.destroy();
      else join(socket, connection, report);
    } catch (error) {
      reset(socket);
      report(error);
    }
  }
}
