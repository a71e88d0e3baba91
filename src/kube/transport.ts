import http from 'node:http';
import https from 'node:https';
import { createSecureContext } from 'node:tls';
import { connectionError, responseError } from './errors.ts';

const MAX_SOCKETS = 16;

/** Connections share one context, so that certificates are parsed once. */
export function agentFor(
  protocol: string,
  options: https.RequestOptions,
  maxSockets = MAX_SOCKETS,
): http.Agent {
  if (protocol === 'http:') return new http.Agent({ keepAlive: true, maxSockets });
  const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = options;
  return new https.Agent({
    keepAlive: true,
    maxSockets,
    secureContext: createSecureContext({ ca, cert, key, pfx, passphrase }),
    rejectUnauthorized,
    ...(servername === undefined ? {} : { servername }),
  });
}

/**
 * Sends one request and reads the whole answer, whatever its status.
 *
 * @param timeout milliseconds without a sign of life.
 */
export function send(
  url: URL,
  options: http.RequestOptions,
  body: string | undefined,
  server: string,
  timeout: number,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) =>
      reject(error.name === 'AbortError' ? error : connectionError(server, error));
    const request = (url.protocol === 'http:' ? http : https).request(url, options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', fail);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
      );
    });
    request.setTimeout(timeout, () => {
      request.destroy(
        Object.assign(new Error(`no answer within ${timeout / 1000} s`), {
          code: 'DATAMILL_TIMEOUT',
        }),
      );
    });
    request.on('error', fail);
    request.end(body);
  });
}

/** How long a connection may take to open; the answer itself may come as late as it likes. */
const CONNECT_TIMEOUT = 30_000;
const PROBE_EVERY = 30_000;

/**
 * Sends a request whose answer goes on, and gives it when it begins, which may be long after.
 *
 * @throws {KubeError} what the API server answered instead.
 */
export function openAnswer(
  url: URL,
  options: http.RequestOptions,
  server: string,
): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) =>
      reject(error.name === 'AbortError' ? error : connectionError(server, error));
    const request = (url.protocol === 'http:' ? http : https).request(url, options, (response) => {
      const status = response.statusCode ?? 0;
      if (status >= 200 && status <= 299) return resolve(response);
      readText(response).then((text) => reject(responseError(status, text)), fail);
    });
    request.on('socket', (socket) => {
      // A peer that vanished without a word is found out by the system's own probes.
      socket.setKeepAlive(true, PROBE_EVERY);
      if (!socket.connecting) return;
      const late = () => request.destroy(new Error(`no connection within ${CONNECT_TIMEOUT / 1000} s`));
      const timer = setTimeout(late, CONNECT_TIMEOUT);
      for (const event of ['connect', 'close']) socket.once(event, () => clearTimeout(timer));
    });
    request.on('error', fail);
    request.end();
  });
}

async function readText(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** The address of what is asked for. */
export function urlOf(address: string, query: Record<string, string | undefined> = {}): URL {
  const url = new URL(address);
  for (const [key, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(key, value);
  return url;
}
