import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, inject, it } from 'vitest';
import { openStore, type Store } from '../../src/lake/index.ts';
import { listUploads } from '../../src/lake/multipart.ts';
import { packageRoot } from '../../src/util/paths.ts';
import { type CliEvent, type CliResult, run } from '../helpers/cli.ts';
import { api, applyObjects, deleteNamespace, get, kubectl } from '../helpers/cluster.ts';
import { eventually } from '../helpers/eventually.ts';

const { missing } = inject('testbed');
const namespace = `e2e-data-${process.pid}`;
const tiny = { requests: { cpu: '100m', memory: '128Mi' }, limits: { cpu: '1', memory: '1Gi' } };

describe.skipIf(missing.length > 0)('data, on real pods', () => {
  let folder: string;
  let flavour: string;

  const datamill = (...args: string[]): Promise<CliResult> =>
    run([...args, '-f', flavour, '-t', inject('rehearsal').context], {
      env: { KUBECONFIG: inject('rehearsal').kubeconfig },
    });

  const write = (name: string, content: string | Buffer) => {
    mkdirSync(dirname(join(folder, 'data', name)), { recursive: true });
    writeFileSync(join(folder, 'data', name), content);
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'e2e-data-'));
    flavour = join(folder, 'flavour.yaml');
    const project = { name: namespace, k8s_namespace: namespace, flavour: ['minio'], data_folder: 'data' };
    writeFileSync(
      flavour,
      JSON.stringify({ project, minio: { release: 'minio', size: '2Gi', resources: tiny } }),
    );
    for (const file of [
      'csv/stations-2023.csv',
      'csv/stations-2024.csv',
      's3/s3fs_files.py',
      's3/boto3_objects.py',
      'dask/dask_on_s3.py',
    ])
      write(`examples/${file}`, readFileSync(join(packageRoot, 'data', 'examples', file)));
    write('odd/with space/ünï (1)+&.txt', 'odd');
  });

  afterAll(async () => {
    await deleteNamespace(namespace);
    rmSync(folder, { recursive: true, force: true });
  });

  /** Runs a script in a pod with the image of a component, with what a notebook would be given; its log. */
  async function inPod(name: string, image: string, script: string): Promise<string> {
    const key = (one: string) => ({ valueFrom: { secretKeyRef: { name: 'minio', key: one } } });
    const env = [
      { name: 'AWS_ENDPOINT_URL_S3', value: `http://minio.${namespace}.svc:9000` },
      { name: 'AWS_DEFAULT_REGION', value: 'us-east-1' },
      { name: 'AWS_ACCESS_KEY_ID', ...key('accesskey') },
      { name: 'AWS_SECRET_ACCESS_KEY', ...key('secretkey') },
    ];
    const container = {
      name: 'script',
      image,
      imagePullPolicy: 'IfNotPresent',
      command: ['python', '-c', script],
      env,
      resources: tiny,
    };
    await applyObjects({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace },
      spec: { restartPolicy: 'Never', containers: [container] },
    });
    await eventually(async () => {
      const { phase } = (await get(namespace, 'pods', name)).status;
      if (!/Succeeded|Failed/.test(phase)) throw new Error(`${name} is ${phase}`);
    }, 150);
    const log = await kubectl('logs', '-n', namespace, name);
    const { phase } = (await get(namespace, 'pods', name)).status;
    if (phase !== 'Succeeded') throw new Error(`${name} ${phase}: ${log}`);
    return log;
  }

  it('is sent by up, and not again by the next one', async ({ expect }) => {
    const first = await datamill('up', '--output', 'json');
    expect(first.code, first.stdout + first.stderr).toBe(0);
    const data = (events: CliEvent[]) => events.filter(({ phase }) => phase === 'data').at(-1);
    expect(data(first.events)).toMatchObject({
      state: 'done',
      message: expect.stringMatching(/^6 files sent/),
    });

    const second = await datamill('up', '--output', 'json');

    expect(data(second.events)).toMatchObject({ state: 'done', message: 'unchanged' });
    expect(second.events.at(-1)).toMatchObject({
      type: 'summary',
      result: 'ok',
      installed: 0,
      upgraded: 0,
      unchanged: 1,
    });
    const without = await datamill('up', '--output', 'json', '--no-data');
    expect(data(without.events)).toMatchObject({ state: 'skipped' });
  });

  it('is read back from a pod, with s3fs, pandas and dask', async ({ expect }) => {
    const image = 'ghcr.io/dask/dask:2025.11.0';
    const script = (name: string) => readFileSync(join(packageRoot, 'data', 'examples', name), 'utf8');
    expect(await inPod('with-s3fs', image, script('s3/s3fs_files.py'))).toMatch(/2024 +\d+\.\d+/);
    expect(await inPod('with-dask', image, script('dask/dask_on_s3.py'))).toMatch(/Darss +\d+\.\d+/);
    const odd = `import s3fs
print(s3fs.S3FileSystem().cat("odd/with space/ünï (1)+&.txt").decode())`;
    expect((await inPod('odd-name', image, odd)).trim()).toBe('odd');
  });

  it('is read back from a pod with boto3', async ({ expect }) => {
    const script = readFileSync(join(packageRoot, 'data', 'examples', 's3/boto3_objects.py'), 'utf8');
    expect(await inPod('with-boto3', 'docker.io/burakince/mlflow:3.15.1', script)).toMatch(
      /written by boto3/,
    );
  });

  it('is listed, fetched and removed by commands', async ({ expect }) => {
    expect((await datamill('data', 'ls')).stdout).toMatch(/examples .*\n.*odd/s);
    const listing = (await datamill('data', 'ls', 'examples/csv/', '--output', 'json')).json;
    expect(listing.objects.map(({ key }: { key: string }) => key)).toEqual([
      'csv/stations-2023.csv',
      'csv/stations-2024.csv',
    ]);
    const fetched = await datamill('data', 'get', 'examples/csv/', join(folder, 'fetched'));
    expect(fetched.code, fetched.stderr).toBe(0);
    expect(readFileSync(join(folder, 'fetched', 'stations-2023.csv'))).toEqual(
      readFileSync(join(folder, 'data/examples/csv/stations-2023.csv')),
    );
    const again = await datamill('data', 'get', 'examples/csv/', join(folder, 'fetched'));
    expect(again).toMatchObject({ code: 2, stderr: expect.stringMatching(/already/) });
    expect((await datamill('data', 'get', 'odd/with space/ünï (1)+&.txt', '-')).stdout).toBe('odd');

    expect((await datamill('data', 'mb', 'My_Bucket')).stderr).toMatch(/BUCKET_NAME.*capital/);
    expect((await datamill('data', 'mb', 'scratch')).code).toBe(0);
    expect((await datamill('data', 'rm', 'odd')).stderr).toMatch(/NOT_EMPTY.*--recursive/s);
    expect((await datamill('data', 'rm', 'scratch')).stderr).toMatch(/NOT_CONFIRMED/);
    expect((await datamill('data', 'rm', 'scratch', '--yes')).code).toBe(0);
    expect((await datamill('data', 'ls', 'scratch')).stderr).toMatch(/NO_SUCH_BUCKET/);
  });

  it('is pruned after asking, and only then', async ({ expect }) => {
    write('odd/later.txt', 'later');
    expect((await datamill('data', 'push')).code).toBe(0);
    rmSync(join(folder, 'data/odd/later.txt'));

    const asked = await datamill('data', 'push', '--prune');
    expect(asked).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/odd\/later\.txt.*NOT_CONFIRMED/s),
    });
    expect((await datamill('data', 'get', 'odd/later.txt', '-')).stdout).toBe('later');

    const pruned = await datamill('data', 'push', '--prune', '--yes', '--output', 'json');
    expect(pruned.events.at(-1)).toMatchObject({ result: 'ok', sent: 0, removed: 1 });
    expect((await datamill('data', 'get', 'odd/later.txt', '-')).stderr).toMatch(/NO_SUCH_OBJECT/);
  });

  /** Starts a push and calls when so many files have been sent; settles at its end. */
  async function pushUntil(files: number, then: (child: ChildProcess) => unknown) {
    const { cli, context, kubeconfig } = inject('rehearsal');
    const args = [join(cli, 'cli.js'), 'data', 'push', '-f', flavour, '-t', context, '--output', 'json'];
    const child = spawn(process.execPath, args, {
      env: { ...process.env, CI: 'true', KUBECONFIG: kubeconfig },
    });
    const events: CliEvent[] = [];
    let stderr = '';
    let called: unknown;
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    createInterface(child.stdout).on('line', (line) => {
      const event = JSON.parse(line) as CliEvent;
      events.push(event);
      if (called === undefined && (event.progress?.files ?? 0) >= files) called = then(child) ?? true;
    });
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
    await called;
    return { code, events, stderr, called: called !== undefined };
  }

  it('arrives although the pod of MinIO is deleted in the middle', async ({ expect }) => {
    for (let index = 0; index < 500; index++) write(`many/${index}.bin`, randomBytes(20_000));

    const { code, events, stderr, called } = await pushUntil(20, () =>
      kubectl('delete', 'pod', '-n', namespace, '-l', 'app.kubernetes.io/instance=minio', '--wait=false'),
    );

    expect(called).toBe(true);
    expect(code, stderr).toBe(0);
    expect(events.at(-1)).toMatchObject({ type: 'summary', result: 'ok', sent: 500, failed: 0 });
    const again = await datamill('data', 'push', '--output', 'json');
    expect(again.events.at(-1)).toMatchObject({ sent: 0, unchanged: 506 });
  });

  it.for(['SIGINT', 'SIGKILL'] as const)(
    'goes on after %s, and leaves no parts behind',
    async (signal, { expect }) => {
      const bucket = `large-${signal.toLowerCase()}`;
      write(`${bucket}/large.bin`, randomBytes(60_000_000));
      for (let index = 0; index < 150; index++) write(`${bucket}/${index}.bin`, randomBytes(20_000));

      const { code, called, events } = await pushUntil(10, (child) => child.kill(signal));

      expect(called).toBe(true);
      expect(code).toBe(signal === 'SIGINT' ? 130 : null);
      if (signal === 'SIGINT') {
        expect(events.at(-1)).toMatchObject({ type: 'summary', result: 'interrupted' });
        await withStore(async (store) => expect(await listUploads(store, bucket, 'large.bin')).toEqual([]));
      }
      const again = await datamill('data', 'push', '--bucket', bucket, '--output', 'json');
      expect(again.code, again.stderr).toBe(0);
      const { sent, unchanged } = again.events.at(-1)!;
      expect([sent + unchanged, unchanged > 0]).toEqual([151, true]);
      await withStore(async (store) => expect(await listUploads(store, bucket, 'large.bin')).toEqual([]));
      await datamill('data', 'rm', bucket, '--recursive', '--yes');
      rmSync(join(folder, 'data', bucket), { recursive: true });
    },
  );

  async function withStore(work: (store: Store) => Promise<void>): Promise<void> {
    const store = await openStore(api(), {
      namespace,
      fields: {
        endpoint: `http://minio.${namespace}.svc:9000`,
        host: `minio.${namespace}.svc`,
        port: 9000,
        secret: { name: 'minio', accessKey: 'accesskey', secretKey: 'secretkey' },
      },
    });
    try {
      await work(store);
    } finally {
      store.close();
    }
  }
});
