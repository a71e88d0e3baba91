import http from 'node:http';
import https from 'node:https';

/** Where a store answers. */
export interface Address {
  secure: boolean;
  /** Host and port that the connection goes to. */
  host: string;
  port: number;
  /** Name in the certificate, when it is not the host. */
  servername?: string;
  /** Certificate authority in PEM, beside those of the system. */
  ca?: string;
}

export interface Outgoing {
  method: string;
  /** Path with its query, encoded. */
  path: string;
  headers: http.OutgoingHttpHeaders;
  body?: Uint8Array;
  signal?: AbortSignal;
}

export interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: Buffer;
}

/** Milliseconds in which nothing moved on a connection after which it counts as dead. */
const SILENCE = 45_000;

/** Connections that are kept alive, so that many small objects cost one handshake each 30 or so. */
export function agentFor({ secure, servername, ca }: Address, sockets: number): http.Agent {
  const options = {
    keepAlive: true,
    maxSockets: sockets,
    maxFreeSockets: sockets,
    noDelay: true,
    timeout: SILENCE,
  };
  if (!secure) return new http.Agent(options);
  return new https.Agent({
    ...options,
    ...(servername === undefined ? {} : { servername }),
    ...(ca === undefined ? {} : { ca }),
  });
}

/** Sends a request and hands the answer over as soon as its head is there. */
export function open(
  { secure, host, port }: Address,
  agent: http.Agent,
  { method, path, headers, body, signal }: Outgoing,
): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    // Headers in pairs, one listener for the abort and timeouts by the agent: a third of what
    // Node's own ways to say the same cost, which counts with thousands of small objects.
    const pairs = Object.entries(headers).flat() as string[];
    const request = (secure ? https : http).request({
      host,
      port,
      path,
      method,
      headers: pairs as unknown as http.OutgoingHttpHeaders,
      setHost: false,
      agent,
    });
    const abort = () => request.destroy(Object.assign(new Error('aborted'), { name: 'AbortError' }));
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort);
    request.once('timeout', () =>
      request.destroy(
        Object.assign(new Error(`no answer within ${SILENCE / 1000} s`), { code: 'ETIMEDOUT' }),
      ),
    );
    request.once('response', resolve);
    request.once('error', reject);
    request.once('close', () => signal?.removeEventListener('abort', abort));
    request.end(body);
  });
}

/** Sends a request and reads the whole answer. */
export async function exchange(address: Address, agent: http.Agent, outgoing: Outgoing): Promise<Answer> {
  const response = await open(address, agent, outgoing);
  return await new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.once('error', reject);
    response.once('end', () =>
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        body: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks),
      }),
    );
  });
}
