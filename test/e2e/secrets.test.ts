import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { listBuckets, openStore } from '../../src/lake/index.ts';
import { api, applyObjects, get, kubectl } from '../helpers/cluster.ts';
import { makeProject, type Project } from '../helpers/project.ts';

const { missing } = inject('testbed');
const tiny = { requests: { cpu: '10m', memory: '16Mi' } };
const from = (key: string) => ({ valueFrom: { secretKeyRef: { name: 'minio', key } } });

/** Has the keys in its environment, waits as a service would, and ends when it is told to. */
const client = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'client' },
  spec: {
    selector: { matchLabels: { app: 'client' } },
    template: {
      metadata: { labels: { app: 'client' } },
      spec: {
        containers: [
          {
            name: 'main',
            image: 'docker.io/library/busybox:1.35.0',
            command: ['sh', '-c', 'trap exit TERM; sleep 100000 & wait'],
            env: [
              { name: 'ACCESS_KEY', ...from('accesskey') },
              { name: 'SECRET_KEY', ...from('secretkey') },
            ],
            resources: tiny,
          },
        ],
      },
    },
  },
};

describe.skipIf(missing.length > 0)("MinIO's credentials, on real pods", () => {
  let project: Project & { remove(): Promise<void> };

  beforeAll(async () => {
    project = await makeProject();
    await project.flavour(
      { client: { needs: { store: 's3' }, objects: [client] } },
      {
        project: { flavour: 'minio' },
        minio: { release: 'minio', size: '1Gi', resources: { requests: { cpu: '50m', memory: '128Mi' } } },
      },
    );
    const up = await project.run(['up']);
    if (up.code !== 0) throw new Error(up.stdout + up.stderr);
  });
  afterAll(() => project?.remove());

  /** Lists the buckets with the keys of a Secret. */
  async function buckets(secret: string): Promise<string[]> {
    const { namespace } = project;
    const host = `minio.${namespace}.svc`;
    const fields = {
      endpoint: `http://${host}:9000`,
      host,
      port: 9000,
      secret: { name: secret, accessKey: 'accesskey', secretKey: 'secretkey' },
    };
    const store = await openStore(api(), { namespace, fields });
    try {
      return (await listBuckets(store)).map(({ name }) => name);
    } finally {
      store.close();
    }
  }

  it('are known to a shell by --env', async () => {
    const { stdout, code } = await project.run(['secrets', '--env', '--output', 'json']);
    expect(code).toBe(0);
    const { data } = await get(project.namespace, 'secrets', 'minio');
    expect(JSON.parse(stdout).env).toMatchObject({
      AWS_ACCESS_KEY_ID: Buffer.from(data.accesskey, 'base64').toString(),
      AWS_SECRET_ACCESS_KEY: Buffer.from(data.secretkey, 'base64').toString(),
      AWS_ENDPOINT_URL_S3: `http://minio.${project.namespace}.svc:9000`,
    });
  });

  it('are new after a rotation, for the server and for what uses it; the old ones are refused', async () => {
    const { namespace } = project;
    const old = await get(namespace, 'secrets', 'minio');
    await applyObjects({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'old', namespace },
      data: old.data,
    });
    expect(await buckets('old')).toEqual([]);

    const rotate = await project.run(['secrets', 'rotate', 'minio']);

    expect(rotate.code, rotate.stdout + rotate.stderr).toBe(0);
    const { data } = await get(namespace, 'secrets', 'minio');
    expect(data.accesskey).not.toBe(old.data.accesskey);
    expect(data.secretkey).not.toBe(old.data.secretkey);
    expect(await buckets('minio')).toEqual([]);
    await expect(buckets('old')).rejects.toMatchObject({ code: 'STORE_KEYS' });
    const inside = await kubectl('exec', '-n', namespace, 'deployment/client', '--', 'env');
    expect(inside).toContain(`ACCESS_KEY=${Buffer.from(data.accesskey, 'base64')}\n`);
    expect(inside).toContain(`SECRET_KEY=${Buffer.from(data.secretkey, 'base64')}\n`);
    const check = await project.run(['check', '-c', 'minio']);
    expect(check.code, check.stdout + check.stderr).toBe(0);
    const up = await project.run(['up', '--output', 'json']);
    expect(up.events.at(-1)).toMatchObject({ result: 'ok', unchanged: 2, upgraded: 0 });
  });
});
