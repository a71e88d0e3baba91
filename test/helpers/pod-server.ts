import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { Api } from '../../src/kube/client.ts';

/** One stream as the node sees it. */
export interface PodStream {
  url: URL;
  socket: WebSocket;
  /** The TCP connection below the WebSocket. */
  raw: Socket;
  /** Sends a message on a channel. */
  send(channel: number, payload: Buffer | string): Promise<void>;
}

/**
 * A fake of the API server's WebSocket endpoints that is strict about what the real one leaves to
 * luck: sub-protocols, binary messages, channels that the other side may write to.
 */
export class PodServer {
  readonly api: Api;
  /** What was done wrong by the client. */
  readonly faults: string[] = [];
  /** Requests for a WebSocket, with their headers. */
  readonly requests: http.IncomingMessage[] = [];
  /** What is read without a WebSocket: objects and lists by path. */
  readonly objects = new Map<string, unknown>();
  /** Plays the node, when a stream is open. */
  serve: (stream: PodStream) => void = () => undefined;
  /** What it gets: messages without their channel byte. */
  receive: (channel: number, payload: Buffer, stream: PodStream) => void = () => undefined;
  /** Gets whole messages instead, where the protocol has no channels. */
  receiveWhole: ((message: Buffer, stream: PodStream) => void) | undefined;
  /** Answers instead of opening a WebSocket. */
  refuse: (request: http.IncomingMessage) => { status: number; body: string } | undefined = () => undefined;
  readonly #server: http.Server;
  readonly #raw = new Set<Socket>();

  private constructor(server: http.Server) {
    this.#server = server;
    const { port } = server.address() as AddressInfo;
    this.api = new Api({ server: `http://127.0.0.1:${port}`, file: '', context: '', plain: {} });
  }

  /**
   * @param protocols those that the server speaks, the best one first.
   * @param writable channels that the client may write to.
   */
  static async open(protocols: string[], writable: number[]): Promise<PodServer> {
    const server = http.createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const pods = new PodServer(server);
    const sockets = new WebSocketServer({ noServer: true });
    const chosen = new WeakMap<http.IncomingMessage, string>();
    sockets.on('headers', (headers, request) => {
      const protocol = chosen.get(request);
      if (protocol !== undefined) headers.push(`Sec-WebSocket-Protocol: ${protocol}`);
    });
    server.on('request', (request, response) => {
      const found = pods.objects.get(request.url!.split('?')[0]!);
      response.writeHead(found === undefined ? 404 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(found ?? { message: 'not found', reason: 'NotFound' }));
    });
    server.on('upgrade', (request, raw: Socket, head) => {
      pods.requests.push(request);
      pods.#raw.add(raw);
      const refused = pods.refuse(request);
      if (refused !== undefined) {
        raw.end(
          `HTTP/1.1 ${refused.status} No\r\ncontent-length: ${refused.body.length}\r\nconnection: close\r\n\r\n${refused.body}`,
        );
        return;
      }
      // By hand, as names that are no tokens of HTTP are in use.
      const offered = (request.headers['sec-websocket-protocol'] ?? '').split(', ');
      delete request.headers['sec-websocket-protocol'];
      const protocol = protocols.find((one) => offered.includes(one));
      if (protocol === undefined) pods.faults.push(`sub-protocols "${offered}"`);
      else chosen.set(request, protocol);
      sockets.handleUpgrade(request, raw, head, (socket) => {
        const stream: PodStream = {
          url: new URL(request.url!, 'http://node'),
          socket,
          raw,
          send: (channel, payload) =>
            new Promise((resolve) =>
              socket.send(Buffer.concat([Buffer.of(channel), Buffer.from(payload)]), () => resolve()),
            ),
        };
        socket.on('message', (message: Buffer, isBinary) => {
          if (!isBinary) pods.faults.push('a message that is text');
          if (pods.receiveWhole !== undefined) return pods.receiveWhole(message, stream);
          if (!writable.includes(message[0]!)) pods.faults.push(`a message on channel ${message[0]}`);
          pods.receive(message[0]!, message.subarray(1), stream);
        });
        socket.on('error', () => undefined);
        pods.serve(stream);
      });
    });
    return pods;
  }

  async close(): Promise<void> {
    this.api.close();
    for (const raw of this.#raw) raw.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
