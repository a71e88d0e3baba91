import http from 'node:http';
import https from 'node:https';
import { createSecureContext } from 'node:tls';
import { connectionError } from './errors.ts';

const MAX_SOCKETS = 16;

/** Connections share one context, so that certificates are parsed once. */
export function agentFor(protocol: string, options: https.RequestOptions): http.Agent {
  if (protocol === 'http:') return new http.Agent({ keepAlive: true, maxSockets: MAX_SOCKETS });
  const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = options;
  return new https.Agent({
    keepAlive: true,
    maxSockets: MAX_SOCKETS,
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
