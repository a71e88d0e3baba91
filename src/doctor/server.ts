import http from 'node:http';
import https from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { Validity } from './certificates.ts';

/** What a server says to somebody whom it does not know. */
export interface Greeting {
  /** Milliseconds until the answer, on a connection that was made already. */
  latency: number;
  /** Its clock against ours, in milliseconds: positive when it is ahead; the Date header counts whole seconds. */
  clockSkew?: number;
  /** Of the certificate that it showed. */
  certificate?: Validity;
}

const PATIENCE = 5000;

/**
 * Asks for the version, without credentials and without a look at who answers: neither matters for
 * what is learnt here. Undefined when nothing answers, as where only a proxy leads to the server.
 */
export async function greet(server: string, signal?: AbortSignal): Promise<Greeting | undefined> {
  const agent = server.startsWith('http:')
    ? new http.Agent({ keepAlive: true })
    : new https.Agent({ keepAlive: true, rejectUnauthorized: false });
  try {
    // The first answer takes the making of the connection too.
    await ask(server, agent, signal);
    return await ask(server, agent, signal);
  } catch {
    signal?.throwIfAborted();
    return undefined;
  } finally {
    agent.destroy();
  }
}

function ask(server: string, agent: http.Agent, signal?: AbortSignal): Promise<Greeting> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const request = (server.startsWith('http:') ? http : https).get(
      new URL('/version', server),
      { agent, signal, timeout: PATIENCE },
      (response) => {
        const latency = performance.now() - started;
        const date = Date.parse(response.headers.date ?? '');
        const shown = (response.socket as Partial<TLSSocket>).getPeerCertificate?.();
        response.resume();
        response.once('error', reject);
        response.once('end', () =>
          resolve({
            latency,
            clockSkew: Number.isNaN(date) ? undefined : date + 500 - Date.now(),
            certificate:
              shown?.valid_to === undefined
                ? undefined
                : { from: Date.parse(shown.valid_from), until: Date.parse(shown.valid_to) },
          }),
        );
      },
    );
    request.once('timeout', () => request.destroy(new Error('no answer')));
    request.once('error', reject);
  });
}
