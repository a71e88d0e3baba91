import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { configError } from '../errors.ts';
import type { Metrics } from './metrics.ts';

/** What a runner answers about itself. */
export interface RunnerStatus {
  host: string;
  state: 'Running' | 'DrainAndSuspend' | 'Draining';
  running: number;
  queues: string[];
  free: { cpus: number; ram: number; hdd: number; gpus: number };
}

export interface ServerOptions {
  /** `[host]:port`, as the reference writes it. */
  address: string;
  metrics: Metrics;
  status(): RunnerStatus;
}

/**
 * Answers `/metrics` for Prometheus, `/healthz`, `/readyz`, and `/status` with JSON.
 *
 * @throws {DatamillError} FLAG when nobody can listen there.
 */
export async function serveStatus({
  address,
  metrics,
  status,
}: ServerOptions): Promise<{ port: number; close(): void }> {
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(address) ?? [];
  if (port === '') throw configError('FLAG', `--prom-address ${address}: this is no address such as :9090`);
  const server = http.createServer((request, response) => {
    const json = (body: object) => {
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ schema: 1, ...body }));
    };
    switch (new URL(request.url ?? '/', 'http://runner').pathname) {
      case '/metrics':
        return void response
          .writeHead(200, { 'content-type': 'text/plain; version=0.0.4' })
          .end(metrics.text());
      case '/healthz':
        return json({ ok: true });
      case '/readyz': {
        const ready = status().state === 'Running';
        return void response.writeHead(ready ? 200 : 503).end(ready ? 'ready\n' : 'draining\n');
      }
      case '/status':
        return json(status());
      default:
        response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(
        configError('FLAG', `--prom-address ${address}: ${error.message}`, {
          hint: 'say another one, or "" for none',
        }),
      ),
    );
    server.listen(Number(port), host === '' ? undefined : host.replace(/^\[|\]$/g, ''), resolve);
  });
  return { port: (server.address() as AddressInfo).port, close: () => void server.close() };
}
