import { readFileSync } from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { packageRoot } from '../../src/util/paths.ts';

const fixtures = join(packageRoot, 'test', 'fixtures', 'vault');

/** The certificate authority of the fake's certificate, which is for localhost and 127.0.0.1. */
export const fakeVaultCa: string = join(fixtures, 'ca.pem');

/**
 * A fake of Vault: reads and lists of one KV engine of version 2 over HTTPS, as its API documents
 * them (developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2), with one token. Not the real thing.
 */
export class FakeVault {
  readonly token = 'hvs.fake-token-of-a-test';
  /** Path in the mount `secret` -> fields. */
  readonly entries = new Map<string, Record<string, unknown>>();
  readonly seen: string[] = [];
  /** The token may read entries, but not list folders. */
  mayList = true;
  sealed = false;
  /** Answers to everything, where it is set. */
  answer?: { status: number; body: string };
  readonly address: string;
  readonly #server: https.Server;

  private constructor(server: https.Server) {
    this.#server = server;
    this.address = `https://localhost:${(server.address() as AddressInfo).port}`;
  }

  static async open(): Promise<FakeVault> {
    const read = (name: string) => readFileSync(join(fixtures, name));
    const server = https.createServer({ key: read('server.key'), cert: read('server.pem') });
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
    const vault = new FakeVault(server);
    server.on('request', (request, response) => {
      const { status, body } = vault.#serve(request.method ?? '', request.url ?? '', request.headers);
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(body);
    });
    return vault;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(method: string, path: string, headers: NodeJS.Dict<string | string[]>) {
    this.seen.push(`${method} ${path}`);
    if (this.answer !== undefined) return this.answer;
    const url = new URL(path, this.address);
    const errors = (status: number, ...list: string[]) => ({
      status,
      body: JSON.stringify({ errors: list }),
    });
    if (this.sealed) return errors(503, 'Vault is sealed');
    // Without this header its agent would not forward, to guard against requests of a browser.
    if (headers['x-vault-request'] !== 'true') return errors(412, 'missing `X-Vault-Request` header');
    if (headers['x-vault-token'] !== this.token) return errors(403, 'permission denied', 'invalid token');
    const [, , mount, kind, ...rest] = url.pathname.split('/').map(decodeURIComponent);
    if (mount !== 'secret') return errors(403, 'preflight capability check returned 403');
    const name = rest.join('/');
    if (method === 'GET' && kind === 'metadata' && url.searchParams.get('list') === 'true') {
      return this.mayList
        ? this.#list(`${name}/`)
        : errors(403, '1 error occurred:\n\t* permission denied\n\n');
    }
    const data = this.entries.get(name);
    if (method !== 'GET' || kind !== 'data' || data === undefined) return errors(404);
    const metadata = {
      created_time: '2026-01-01T00:00:00Z',
      deletion_time: '',
      destroyed: false,
      version: 1,
    };
    return { status: 200, body: JSON.stringify({ request_id: 'fake', data: { data, metadata } }) };
  }

  #list(folder: string) {
    const below = [...this.entries.keys()].filter((name) => name.startsWith(folder));
    const keys = below.map((name) => name.slice(folder.length).replace(/\/.*/s, '/'));
    if (keys.length === 0) return { status: 404, body: JSON.stringify({ errors: [] }) };
    return { status: 200, body: JSON.stringify({ data: { keys: [...new Set(keys)].sort() } }) };
  }
}
