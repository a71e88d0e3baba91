// `data push` beside s5cmd, into the same MinIO on this machine. The cluster only keeps the Secret
// with the keys of the store.
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { access, mkdir, open, rename, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { interleaved, median, peakMemory, run } from './measure.js';
import { DATAMILL } from './tools.js';

const S5CMD_VERSION = '2.3.0';
const FILES = 2000;
const SIZE = 20_000;
const LARGE = 1_000_000_000;
const KEYS = { user: 'bench', password: 'bench-password' };

/** Rows for 2,000 small files, the same again with nothing changed, and the memory for one large file. */
export async function dataPush({ cluster, rounds, folder }) {
  const store = await openStore(join(folder, 'store'));
  try {
    const s5cmd = await built('s5cmd', S5CMD_VERSION, 'bench/toolchain/s5cmd', 'github.com/peak/s5cmd/v2');
    const many = join(folder, 'many');
    await writeMany(many);
    const ours = await pusher(cluster, folder, store);
    const peer = (...args) =>
      run(s5cmd, ['--endpoint-url', store.endpoint, ...args], {
        env: { AWS_ACCESS_KEY_ID: KEYS.user, AWS_SECRET_ACCESS_KEY: KEYS.password, AWS_REGION: 'us-east-1' },
      });
    // Every run has a bucket of its own, so that none is faster for what another one left.
    const small = await medians(rounds, {
      ours: async (round) => (await ours.push(many, `ours-${round}`)).seconds,
      peer: async (round) => {
        await peer('mb', `s3://peer-${round}`);
        return (await peer('cp', `${many}/`, `s3://peer-${round}/`)).seconds;
      },
    });
    const again = await medians(rounds, {
      ours: async () => (await ours.push(many, 'ours-0')).seconds,
      peer: async () => (await peer('sync', `${many}/`, 's3://peer-0/')).seconds,
    });
    const large = join(folder, 'large');
    await writeLarge(large);
    const memory = await ours.memory(large, 'large-1');
    const what = `\`data push\`, ${FILES} files of ${SIZE / 1000} kB`;
    return [
      { what, ours: small.ours, peer: 's5cmd cp', peers: small.peer, unit: 's', limit: 1.2 },
      {
        what: 'the same, nothing changed',
        ours: again.ours,
        peer: 's5cmd sync',
        peers: again.peer,
        unit: 's',
      },
      { what: '`data push`, a file of 1 GB, peak memory', ours: memory, unit: 'MB', limit: 200 },
    ];
  } finally {
    await store.close();
  }
}

/** Pushes a folder into a bucket: a data folder with a link to it, which stays inside, is made for each. */
async function pusher(cluster, folder, store) {
  const namespace = 'data-bench';
  await cluster.kube('create', 'namespace', namespace);
  const literals = Object.entries(KEYS).map(([key, value]) => `--from-literal=${key}=${value}`);
  await cluster.kube('create', 'secret', 'generic', 'store', '--namespace', namespace, ...literals);
  const flavourFor = async (source, bucket) => {
    const file = join(folder, `${bucket}.json`);
    const data = join(folder, `data-${bucket}`);
    await mkdir(data, { recursive: true });
    await rename(source, join(data, bucket));
    const project = { name: 'bench', k8s_namespace: namespace, flavour: 'mlflow', data_folder: data };
    const secret = { name: 'store', accessKey: 'user', secretKey: 'password' };
    await writeFile(
      file,
      JSON.stringify({ project, external: { s3: { endpoint: store.endpoint, secret } } }),
    );
    return { file, back: () => rename(join(data, bucket), source) };
  };
  const args = (file) => [DATAMILL, 'data', 'push', '-f', file, '-t', cluster.context];
  const withFlavour = async (source, bucket, work) => {
    const { file, back } = await flavourFor(source, bucket);
    try {
      return await work(file);
    } finally {
      await back();
    }
  };
  return {
    push: (source, bucket) =>
      withFlavour(source, bucket, (file) => run(process.execPath, args(file), { env: cluster.env })),
    memory: (source, bucket) =>
      withFlavour(source, bucket, (file) =>
        peakMemory(args(file), { report: join(folder, 'push-usage.json'), env: cluster.env }),
      ),
  };
}

/** A MinIO of its own, with one empty folder as its disk. */
async function openStore(folder) {
  const minio = await built('minio', 'pinned', 'test/toolchain/minio', 'github.com/minio/minio');
  const port = await freePort();
  await mkdir(folder, { recursive: true });
  const address = `127.0.0.1:${port}`;
  const child = spawn(minio, ['server', '--quiet', '--address', address, folder], {
    env: {
      ...process.env,
      MINIO_ROOT_USER: KEYS.user,
      MINIO_ROOT_PASSWORD: KEYS.password,
      MINIO_BROWSER: 'off',
    },
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const close = async () => {
    child.kill();
    await ended;
  };
  const endpoint = `http://${address}`;
  for (let tries = 0; ; tries++) {
    const ready = await fetch(`${endpoint}/minio/health/live`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (ready) return { endpoint, close };
    if (tries > 150 || child.exitCode !== null) {
      await close();
      throw new Error('MinIO does not answer');
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function writeMany(folder) {
  await mkdir(folder, { recursive: true });
  for (let index = 0; index < FILES; index++)
    await writeFile(join(folder, `${String(index).padStart(5, '0')}.bin`), randomBytes(SIZE));
}

async function writeLarge(folder) {
  await mkdir(folder, { recursive: true });
  const file = await open(join(folder, 'large.bin'), 'w');
  const block = randomBytes(10_000_000);
  for (let at = 0; at < LARGE; at += block.length) {
    // No two blocks are alike.
    block.write(createHash('sha256').update(String(at)).digest('hex'), 0);
    await file.write(block);
  }
  await file.close();
}

async function medians(rounds, runs) {
  const results = await interleaved(rounds, runs);
  return Object.fromEntries(Object.entries(results).map(([name, numbers]) => [name, median(numbers)]));
}

/** A program of a pinned Go module, built when it is not in the cache. */
async function built(name, version, module, path) {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const base = process.env.XDG_CACHE_HOME?.startsWith('/')
    ? process.env.XDG_CACHE_HOME
    : join(homedir(), '.cache');
  const file = join(base, 'datamill', 'bench', `${name}-${version}`);
  const there = await access(file).then(
    () => true,
    () => false,
  );
  if (there) return file;
  process.stderr.write(`building ${name} from its Go module (once, some minutes)\n`);
  await mkdir(dirname(file), { recursive: true });
  const work = `${file}.${process.pid}`;
  const args = ['build', '-trimpath', '-mod=readonly', '-ldflags', '-s -w', '-o', work, path];
  await run('go', args, { cwd: join(root, module), env: { CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '' } });
  await rename(work, file);
  return file;
}
