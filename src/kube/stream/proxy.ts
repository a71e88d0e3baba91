import http from 'node:http';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { errorMessage } from '../../errors.ts';
import type { Api } from '../client.ts';
import { listenFrom } from './listen.ts';

export interface Proxy {
  port: number;
  close(): void;
}

/** Names that a browser may have asked for: any other is a foreign page that was led here by DNS. */
const OWN_NAMES = new Set(['127.0.0.1', 'localhost', '[::1]']);
/** These give a shell: kubectl's proxy refuses them too, as any page in a browser may try. */
const REFUSED = /^\/api\/.*\/pods\/[^/]+\/(exec|attach)(\/|$)/;
/** Of one connection, not of the message: RFC 9110, 7.6.1. Ours are the only credentials. */
const NOT_PASSED = new Set([
  'authorization',
  'connection',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Serves the API server on loopback with the credentials of `api`, so that whoever reaches the
 * port acts with these rights. Bodies are passed on as they come, in both directions.
 *
 * @param wanted port; when it is taken the next free one is used.
 * @throws {DatamillError} NO_FREE_PORT (exit 1).
 */
export async function openProxy(api: Api, wanted: number): Promise<Proxy> {
  const server = http.createServer((request, response) => {
    serve(api, request, response).catch((error) => {
      if (response.headersSent) response.destroy();
      else refuse(response, 502, errorMessage(error));
    });
  });
  // A body may take as long as it likes.
  server.requestTimeout = 0;
  const upgraded = new Set<Duplex>();
  server.on('upgrade', (request, socket: Duplex, head) => {
    upgraded.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => upgraded.delete(socket));
    upgrade(api, request, socket, head).catch(() => socket.destroy());
  });
  const port = await listenFrom(server, wanted);
  const close = () => {
    server.close();
    server.closeAllConnections();
    for (const socket of upgraded) socket.destroy();
  };
  return { port, close };
}

/** Why a request is not passed on. */
function fault({ headers, method, url = '' }: http.IncomingMessage): string | undefined {
  const host = headers.host ?? '';
  if (!OWN_NAMES.has(host.replace(/:\d+$/, ''))) return `requests for the host "${host}" are not served`;
  const { origin } = headers;
  if (origin !== undefined && origin !== `http://${host}`) return `pages of ${origin} may not use this proxy`;
  // A link that leads here may be followed; its page learns nothing.
  const followed = method === 'GET' && headers['sec-fetch-dest'] === 'document';
  if (headers['sec-fetch-site'] === 'cross-site' && !followed)
    return 'pages of other sites may not use this proxy';
  const { pathname } = new URL(url, 'http://localhost');
  if (REFUSED.test(decoded(pathname))) return 'exec and attach are not served';
  return undefined;
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

async function serve(api: Api, request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  const wrong = fault(request);
  if (wrong !== undefined) return refuse(response, 403, wrong);
  const outgoing = await open(api, request);
  response.once('close', () => outgoing.destroy());
  const answer = new Promise<http.IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve).once('error', reject);
  });
  request.pipe(outgoing);
  const incoming = await answer;
  if (incoming.statusCode === 401) await api.access({ fresh: true });
  response.writeHead(incoming.statusCode ?? 502, passed(incoming.headers));
  response.flushHeaders();
  // An end before its time shows in the answer, which is cut.
  await pipeline(incoming, response).catch(() => response.destroy());
}

async function upgrade(api: Api, request: http.IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
  const wrong = fault(request);
  if (wrong !== undefined) {
    socket.end(
      `HTTP/1.1 403 Forbidden\r\ncontent-length: ${wrong.length}\r\nconnection: close\r\n\r\n${wrong}`,
    );
    return;
  }
  const { upgrade: to = '' } = request.headers;
  const outgoing = await open(api, request, { connection: 'Upgrade', upgrade: to });
  socket.once('close', () => outgoing.destroy());
  outgoing.once('error', () => socket.destroy());
  outgoing.once('response', (incoming) => {
    socket.write(headOf(incoming));
    incoming.pipe(socket);
  });
  outgoing.once('upgrade', (incoming, remote, remoteHead) => {
    socket.write(headOf(incoming));
    socket.write(remoteHead);
    remote.write(head);
    remote.pipe(socket).pipe(remote);
    remote.on('error', () => socket.destroy());
    remote.once('close', () => socket.destroy());
    socket.once('close', () => remote.destroy());
  });
  outgoing.end();
}

/** Begins the request to the API server that stands for one from here. */
async function open(
  api: Api,
  { method, url, headers }: http.IncomingMessage,
  more: http.OutgoingHttpHeaders = {},
): Promise<http.ClientRequest> {
  const { headers: credentials, endless: agent } = await api.access();
  // Under a path, as some clusters are, it stays under it.
  const { pathname, search } = new URL(url ?? '/', 'http://localhost');
  const target = new URL(api.server + pathname + search);
  return (target.protocol === 'http:' ? http : https).request(target, {
    method,
    agent,
    headers: { ...passed(headers), ...credentials, ...more },
  });
}

function passed(headers: http.IncomingHttpHeaders): http.OutgoingHttpHeaders {
  const named = new Set((headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase()));
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !NOT_PASSED.has(name) && !named.has(name)),
  );
}

function headOf({ statusCode, statusMessage, rawHeaders }: http.IncomingMessage): string {
  const lines = [`HTTP/1.1 ${statusCode} ${statusMessage}`];
  for (let index = 0; index < rawHeaders.length; index += 2)
    lines.push(`${rawHeaders[index]}: ${rawHeaders[index + 1]}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}

function refuse(response: http.ServerResponse, status: number, message: string): void {
  const reason = status === 403 ? 'Forbidden' : 'BadGateway';
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(
    JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', message, reason, code: status }),
  );
}
