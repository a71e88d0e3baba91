import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { listBuckets, openStore } from '../../src/lake/index.ts';
import type { CliResult } from '../helpers/cli.ts';
import { api, clusterFlags, get, kubectl } from '../helpers/cluster.ts';
import { eventually } from '../helpers/eventually.ts';
import { start } from '../helpers/process.ts';
import { makeProject, type Project } from '../helpers/project.ts';
import { restricted } from '../helpers/restricted.ts';

const { missing } = inject('testbed');
const image = 'docker.io/library/busybox:1.35.0';
const shell = (script: string, more: object = {}) => ({ image, command: ['sh', '-c', script], ...more });
const minio = { service: 'minio', port: 9000 };

/** One component for each check, so that each can be asked for. */
const components = Object.fromEntries(
  Object.entries({
    web: { http: { ...minio, path: '/minio/health/ready' } },
    forbidden: { http: { ...minio, path: '/', method: 'GET' }, timeout: 40 },
    port: { tcp: { ...minio, send: 'GET / HTTP/1.0\r\n\r\n', expect: '400 Bad Request' } },
    available: { condition: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'minio', type: 'Available' } },
    env: {
      job: shell('test "$(id -u)" = 1000 && test ! -w / && touch /tmp/x && echo "hello $NAME"', {
        env: { NAME: '{{release}}' },
      }),
    },
    fails: {
      job: shell('echo begin; echo "the password is $PASSWORD"; exit 3', {
        secret_env: { PASSWORD: { name: 'minio', key: 'secretkey' } },
      }),
    },
    hangs: { timeout: 8, job: shell('sleep 1000') },
    wrong: { timeout: 100, job: { image: 'docker.io/library/nothing:1', command: ['true'] } },
    account: { job: shell('! ls /var/run/secrets/kubernetes.io && echo no token') },
  }).map(([name, check]) => [name, { checks: [{ name: 'works', ...check }] }]),
);

describe.skipIf(missing.length > 0)('checks, on real pods', () => {
  let project: Project & { remove(): Promise<void> };

  beforeAll(async () => {
    project = await makeProject();
    await project.flavour(components, {
      project: { flavour: 'minio' },
      minio: { release: 'minio', size: '1Gi', resources: { requests: { cpu: '50m', memory: '128Mi' } } },
    });
    const up = await project.run(['up', '--no-check']);
    if (up.code !== 0) throw new Error(up.stdout + up.stderr);
  });
  afterAll(() => project?.remove());

  function check(...names: string[]): Promise<CliResult> {
    return project.run(['check', '--output', 'json', ...names.flatMap((name) => ['-c', name])]);
  }

  async function one(name: string): Promise<{ result: string; seconds: number; message: string }> {
    const { json, stderr } = await check(name);
    expect(json.checks, stderr).toHaveLength(1);
    return json.checks[0];
  }

  async function jobsAndPods(): Promise<string[]> {
    const names = await kubectl('get', 'jobs,pods', '-n', project.namespace, '-o', 'name');
    return names.split('\n').filter((name) => name.includes('-check-'));
  }

  async function buckets(): Promise<string[]> {
    const fields = {
      endpoint: `http://minio.${project.namespace}.svc:9000`,
      host: `minio.${project.namespace}.svc`,
      port: 9000,
      secret: { name: 'minio', accessKey: 'accesskey', secretKey: 'secretkey' },
    };
    const store = await openStore(api(), { namespace: project.namespace, fields });
    try {
      return (await listBuckets(store)).map(({ name }) => name);
    } finally {
      store.close();
    }
  }

  it('use a store, a port, a page, a condition and a Job', async () => {
    const result = await check('minio', 'web', 'port', 'available', 'env', 'account');
    expect(result.code, result.stdout + result.stderr).toBe(0);
    const messages = Object.fromEntries(
      result.json.checks.map(({ component, message }: never) => [component, message]),
    );
    expect(messages).toEqual({
      minio: expect.stringMatching(
        /^5 MiB put into a new bucket came back the same \(sha256 [0-9a-f]{12}…\)$/,
      ),
      web: `GET http://minio.${project.namespace}.svc:9000/minio/health/ready answered 200`,
      port: expect.stringMatching(/:9000 answered "400 Bad Request"$/),
      available: expect.stringMatching(/^Deployment\/minio has Available=True/),
      env: 'hello env',
      account: expect.stringMatching(/no token$/),
    });
    expect(await buckets()).toEqual([]);
    await eventually(async () => expect(await jobsAndPods()).toEqual([]));
  });

  it('that a service refuses fail in seconds, and say with what words', async () => {
    const { result, seconds, message } = await one('forbidden');
    expect(result).toBe('failed');
    expect(message).toMatch(/^GET http:.* answered 403, expected 200 to 299: .*AccessDenied/);
    expect(seconds).toBeLessThan(20);
  });

  it('with a wrong password fail in seconds, and leave no bucket', async () => {
    const secret = await get(project.namespace, 'secrets', 'minio');
    const path = `/api/v1/namespaces/${project.namespace}/secrets/minio`;
    const put = (secretkey: string) =>
      api().request('PATCH', path, {
        contentType: 'application/merge-patch+json',
        body: { data: { secretkey } },
      });
    await put(Buffer.from('another-password').toString('base64'));
    try {
      const { result, seconds, message } = await one('minio');
      expect(result).toBe('failed');
      expect(message).toMatch(/the store does not know the keys in its Secret/);
      expect(message).not.toContain('another-password');
      expect(seconds).toBeLessThan(20);
    } finally {
      await put(secret.data.secretkey);
    }
    expect(await buckets()).toEqual([]);
  });

  it('show the last lines of a Job that fails, without its secrets', async () => {
    const result = await project.run(['check', '-c', 'fails']);
    expect(result.code).toBe(1);
    expect(result.stdout).toMatch(
      /\nfails: the check works failed after .*: its Job failed: .*exited with code 3\n {2}begin\n {2}the password is \*\*\*\n/,
    );
  });

  it('that hang end at their deadline, and leave nothing', async () => {
    const { result, seconds, message } = await one('hangs');
    expect(result).toBe('failed');
    expect(message).toBe('did not end within 8 s; it was waiting for its Job to end');
    expect(seconds).toBeLessThan(12);
    await eventually(async () => expect(await jobsAndPods()).toEqual([]));
  });

  it('with a wrong image say so within 30 s', async () => {
    const { result, seconds, message } = await one('wrong');
    expect(result).toBe('failed');
    expect(message).toMatch(/its Job cannot run: Pod\/wrong-check-works-.*docker\.io\/library\/nothing:1/);
    expect(seconds).toBeLessThan(30);
  });

  it('that are interrupted leave neither Job nor bucket', async () => {
    for (const [name, moment] of [
      ['hangs', 'waiting for its Job to end'],
      ['minio', 'putting 5 MiB'],
    ] as const) {
      const running = begin(name);
      await running.until((events) => events.some(({ message }) => message?.includes(moment)));
      running.kill('SIGINT');
      // The 5 MiB may be there and away again before the signal is.
      expect([130, 0]).toContain(await running.ended);
    }
    expect(await buckets()).toEqual([]);
    await eventually(async () => expect(await jobsAndPods()).toEqual([]), 15);
  });

  it('whose run is killed end by themselves', async () => {
    const running = begin('hangs');
    await running.until((events) => events.some(({ message }) => message?.includes('its Job to end')));
    running.kill('SIGKILL');
    await running.ended;
    const name = (await jobsAndPods()).find((one) => one.startsWith('job'))!.split('/')[1]!;
    const { spec, metadata } = await get(project.namespace, 'jobs', name);
    expect(spec).toMatchObject({ ttlSecondsAfterFinished: 300 });
    expect(spec.activeDeadlineSeconds).toBeLessThanOrEqual(13);
    expect(metadata.labels).toMatchObject({
      'app.kubernetes.io/managed-by': 'data-mill',
      'datamill.io/component': 'hangs',
    });
    await eventually(async () => expect((await jobsAndPods()).join()).not.toContain('pod/'), 30);
    await kubectl('delete', 'job', name, '-n', project.namespace);
  });

  it('say which right is missing to reach a service', async () => {
    const flags = await restricted(project, [
      { apiGroups: [''], resources: ['services', 'pods', 'secrets', 'configmaps'], verbs: ['get', 'list'] },
      { apiGroups: ['apps'], resources: ['deployments'], verbs: ['get', 'list'] },
    ]);
    const result = await project.run(['check', '-c', 'web', '-c', 'minio', ...flags]);
    expect(result.code).toBe(1);
    expect(result.stdout.match(/pods\/portforward/g)!.length).toBeGreaterThanOrEqual(2);
    expect(result.seconds, result.stdout).toBeLessThan(20);
  });

  /** `up` makes the checks that have not been made, and tells what it waits for; `check` with JSON does not. */
  function begin(name: string) {
    return start(['up', '-f', 'flavour.yaml', ...clusterFlags(), '-c', name, '--only'], {
      cwd: project.folder,
    });
  }
});
