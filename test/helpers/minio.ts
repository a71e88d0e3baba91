import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { directWay, makeBucket, Store } from '../../src/lake/index.ts';
import { digestOf } from '../testbed/binaries.ts';
import { cache } from '../testbed/layout.ts';
import { eventually } from './eventually.ts';

/** The MinIO that the testbed has built; undefined where it was not built yet, which takes minutes. */
export async function builtMinio(): Promise<string | undefined> {
  const file = join(cache('bin'), `minio-${await digestOf('minio')}`, 'minio');
  return existsSync(file) ? file : undefined;
}

/** A real MinIO on loopback, with a folder of its own and the buckets `runner` and `client`. */
export class Minio {
  readonly endpoint: string;
  readonly keys: { access_key: string; secret_access_key: string };
  readonly store: Store;
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(child: ChildProcess, folder: string, port: number, secret: string) {
    this.#child = child;
    this.#folder = folder;
    this.endpoint = `http://127.0.0.1:${port}`;
    this.keys = { access_key: 'tester', secret_access_key: secret };
    this.store = new Store({
      name: 'minio',
      way: directWay({ secure: false, host: '127.0.0.1', port }),
      credentials: { accessKeyId: 'tester', secretAccessKey: secret },
      region: 'us-east-1',
    });
  }

  static async open(binary: string): Promise<Minio> {
    const folder = await mkdtemp(join(tmpdir(), 'datamill-minio-'));
    const port = await freePort();
    const secret = randomBytes(12).toString('hex');
    // The kernel ends it with this process, however that ends.
    const args = [
      '--pdeathsig',
      'KILL',
      binary,
      'server',
      '--quiet',
      '--address',
      `127.0.0.1:${port}`,
      folder,
    ];
    const child = spawn('setpriv', args, {
      stdio: 'ignore',
      env: { PATH: process.env.PATH, HOME: folder, MINIO_ROOT_USER: 'tester', MINIO_ROOT_PASSWORD: secret },
    });
    const minio = new Minio(child, folder, port, secret);
    await eventually(async () => {
      const { ok } = await fetch(`${minio.endpoint}/minio/health/ready`);
      if (!ok) throw new Error('MinIO is not ready');
    }, 120);
    for (const bucket of ['runner', 'client']) await makeBucket(minio.store, bucket);
    return minio;
  }

  async close(): Promise<void> {
    this.store.close();
    const ended = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.kill('SIGKILL');
    await ended;
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
