import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from 'socket.io';
import { configError } from '../../errors.ts';
import { pocNamespace, type ServerEvent } from './poc.ts';

export type { ServerEvent };

export interface ServerOptions {
  /** Address to listen at. */
  host: string;
  /** 0: any that is free. */
  port: number;
  tell(event: ServerEvent): void;
}

export interface RunningServer {
  port: number;
  close(): Promise<void>;
}

/** Bytes of one message: a result with what is around it. */
const LARGEST = 16 << 20;

/**
 * A server for trying things out: it keeps everything in memory, and knows no users.
 *
 * @throws {DatamillError} NODE_SERVER_PORT (exit 2) when the port is taken.
 */
export async function startServer({ host, port, tell }: ServerOptions): Promise<RunningServer> {
  const http = createServer((_request, response) => {
    response.writeHead(404, { 'content-type': 'application/json' });
    response.end('{"msg":"this is a development server of data-mill"}');
  });
  const server = new Server(http, { maxHttpBufferSize: LARGEST, serveClient: false });
  pocNamespace(server, tell);
  await new Promise<void>((resolve, reject) => {
    http.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        configError('NODE_SERVER_PORT', `cannot listen at ${host}:${port}: ${cause.code}`, {
          cause,
          hint: 'choose another one with --port',
        }),
      ),
    );
    http.listen(port, host, resolve);
  });
  return {
    port: (http.address() as AddressInfo).port,
    close: async () => {
      await server.close();
    },
  };
}
