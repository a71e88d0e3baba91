import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import type { Layout } from './layout.ts';

export interface Answer {
  status: number;
  body: string;
}

/**
 * A few requests to the cluster's API server, without the Kubernetes client library, which
 * takes longer to load than an `up` with nothing to do may last.
 */
export class Api {
  readonly #agent: Agent;
  readonly #port: number;

  private constructor(agent: Agent, port: number) {
    this.#agent = agent;
    this.#port = port;
  }

  static async open(layout: Layout, port: number): Promise<Api> {
    const read = (file: string) => readFile(join(layout.cluster, 'pki', file));
    const [ca, cert, key] = await Promise.all([read('ca.crt'), read('admin.crt'), read('admin.key')]);
    return new Api(new Agent({ ca, cert, key, keepAlive: true, maxSockets: 4 }), port);
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Whether the API server says that it is ready; false when nothing answers. */
  async isReady(): Promise<boolean> {
    return this.send('GET', '/readyz').then(
      ({ status }) => status === 200,
      () => false,
    );
  }

  /** @throws when nothing answers within ten seconds; an error status is an answer. */
  send(method: string, path: string, body?: unknown): Promise<Answer> {
    const text = body === undefined ? '' : JSON.stringify(body);
    const headers = {
      accept: 'application/json',
      'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
      // Node does not announce the body of a DELETE by itself.
      'content-length': Buffer.byteLength(text),
    };
    const to = {
      agent: this.#agent,
      host: '127.0.0.1',
      port: this.#port,
      method,
      path,
      headers,
      timeout: 10_000,
    };
    return new Promise((resolve, reject) => {
      const sent = request(to, (answer) => {
        let received = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk: string) => {
          received += chunk;
        });
        answer.once('end', () => resolve({ status: answer.statusCode ?? 0, body: received }));
        answer.once('error', reject);
      });
      sent.once('timeout', () => sent.destroy(new Error('the API server does not answer')));
      sent.once('error', reject);
      sent.end(text);
    });
  }

  /** Sends and reads; the statuses in `also` are no errors. */
  async call<T>(method: string, path: string, body?: unknown, also: number[] = []): Promise<T> {
    const answer = await this.send(method, path, body);
    if (answer.status < 300 || also.includes(answer.status)) return JSON.parse(answer.body || '{}') as T;
    throw new Error(`${method} ${path} answered ${answer.status}: ${answer.body.slice(0, 500)}`);
  }
}
