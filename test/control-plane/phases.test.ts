import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe } from 'vitest';
import { api, get, helm, kubectl } from '../helpers/cluster.ts';
import { app, it, type Project } from '../helpers/project.ts';

async function jobs({ namespace }: Project): Promise<Record<string, { uid: string; complete: boolean }>> {
  const { items } = JSON.parse(await kubectl('get', 'jobs', '-n', namespace, '-o', 'json'));
  return Object.fromEntries(
    items.map(({ metadata, status }: never) => {
      const { name, uid } = metadata as { name: string; uid: string };
      const { succeeded } = status as { succeeded?: number };
      return [name.replace(/-[0-9a-f]{6}$/, ''), { uid, complete: succeeded === 1 }];
    }),
  );
}

describe.concurrent('the phases of a component', () => {
  it('hooks run as Jobs before and after it, again when it changes, and may use its secrets', async ({
    project,
    expect,
  }) => {
    const secret_env = { PASSWORD: { name: '{{release}}-auth', key: 'password' } };
    const image = 'registry.example/tool:1';
    const hooks = {
      before: [{ name: 'prepare', image, command: ['prepare', '{{release}}'], secret_env }],
      after: [{ name: 'load', image, command: ['load'], env: { WHERE: '{{namespace}}' } }],
    };
    const secrets = { '{{release}}-auth': { password: { generate: 20 } } };
    const section = { hooks: { after: [{ name: 'tell', image, command: ['tell'] }] } };
    await project.flavour({ api: app({ hooks, secrets }) }, { api: section });
    const first = await project.run(['up', '--output', 'json']);
    expect(first.code, first.stdout).toBe(0);
    const phases = first.events.filter(({ component }) => component === 'api').map(({ phase }) => phase);
    expect([...new Set(phases)]).toEqual(['secrets', 'before', 'install', 'after']);
    const made = await jobs(project);
    expect(Object.entries(made).map(([name, { complete }]) => [name, complete])).toEqual([
      ['api-load', true],
      ['api-prepare', true],
      ['api-tell', true],
    ]);
    const { items } = JSON.parse(await kubectl('get', 'jobs', '-n', project.namespace, '-o', 'json'));
    const [load, prepare] = items.map((job: never) => (job as { spec: never }).spec['template' as never]);
    expect(prepare).toMatchObject({
      spec: {
        automountServiceAccountToken: false,
        containers: [
          {
            command: ['prepare', 'api'],
            env: [{ name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'api-auth', key: 'password' } } }],
          },
        ],
      },
    });
    expect(load).toMatchObject({
      spec: { containers: [{ env: [{ name: 'WHERE', value: project.namespace }] }] },
    });

    expect((await project.run(['up'])).code).toBe(0);
    expect(await jobs(project)).toEqual(made);
    await project.flavour({ api: app({ hooks, secrets, values: { replicas: 2 } }) }, { api: section });
    expect((await project.run(['up'])).code).toBe(0);
    const again = await jobs(project);
    for (const name of Object.keys(made)) expect(again[name]!.uid, name).not.toBe(made[name]!.uid);
  });

  it('objects are applied after the chart, found again, and removed by down', async ({ project, expect }) => {
    const group = `${project.namespace}.example.com`;
    const crd = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `widgets.${group}` },
      spec: {
        group,
        scope: 'Namespaced',
        names: { plural: 'widgets', singular: 'widget', kind: 'Widget' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          },
        ],
      },
    };
    const widget = {
      apiVersion: `${group}/v1`,
      kind: 'Widget',
      metadata: { name: '{{release}}-w' },
      spec: { size: 1 },
    };
    const settings = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: '{{release}}-extra' },
      data: { a: 'b' },
    };
    const components = (size: number) => ({
      kinds: { objects: [crd], provides: { widgets: {} } },
      api: app({ needs: { kinds: 'widgets' }, objects: [{ ...widget, spec: { size } }, settings] }),
    });
    const namespace = project.namespace;
    const find = () =>
      api().find<{ spec: { size: number } }>(`/apis/${group}/v1/namespaces/${namespace}/widgets/api-w`);
    try {
      await project.flavour(components(1));
      const up = await project.run(['up', '--output', 'json']);
      expect(up.code, up.stdout + up.stderr).toBe(0);
      expect((await find())?.spec.size).toBe(1);
      expect((await get(namespace, 'configmaps', 'api-extra')).metadata.labels).toMatchObject({
        'app.kubernetes.io/managed-by': 'data-mill',
        'datamill.io/component': 'api',
      });
      expect((await project.run(['up', '--output', 'json'])).events.at(-1)).toMatchObject({ unchanged: 2 });
      await project.flavour(components(2));
      await kubectl('delete', 'configmap', 'api-extra', '-n', namespace);
      expect((await project.run(['up', '--output', 'json'])).events.at(-1)).toMatchObject({
        unchanged: 1,
        upgraded: 1,
      });
      expect((await find())?.spec.size).toBe(2);
      expect(await get(namespace, 'configmaps', 'api-extra')).toBeDefined();
      const down = await project.run(['down']);
      expect(down.code, down.stdout).toBe(0);
      expect(await get(namespace, 'configmaps', 'api-extra')).toBeUndefined();
      await expect(kubectl('get', 'crd', `widgets.${group}`)).rejects.toThrow(/not found/);
    } finally {
      await kubectl('delete', 'crd', `widgets.${group}`, '--ignore-not-found');
    }
  });

  it('namespaces get their labels, secrets are copied across them and refreshed', async ({
    project,
    expect,
  }) => {
    const { namespace } = project;
    const [mine, jobsSpace] = [project.another(), project.another()];
    const labels = { 'pod-security.kubernetes.io/warn': 'restricted' };
    const secret = { name: '{{release}}-auth', accessKey: 'user', secretKey: 'password' };
    const store = app({
      secrets: { '{{release}}-auth': { user: { generate: 12 }, password: { generate: 30 } } },
      provides: { s3: { endpoint: 'http://x', host: 'x', port: 1, secret } },
    });
    const from = { KEY: { name: 'store-auth', key: 'password' } };
    const consumer = app({
      needs: { store: 's3' },
      namespaces: [{ name: jobsSpace, labels }],
      values: { secretEnv: from },
    });
    await project.flavour({ store, api: consumer }, { api: { namespace: mine } });
    const up = await project.run(['up']);
    expect(up.code, up.stdout).toBe(0);
    const space = await api().get<{ metadata: { labels: object } }>(`/api/v1/namespaces/${jobsSpace}`);
    expect(space.metadata.labels).toMatchObject(labels);
    const original = await get(namespace, 'secrets', 'store-auth');
    expect((await get(mine, 'secrets', 'store-auth')).data).toEqual(original.data);
    expect((await project.run(['up', '--output', 'json'])).events.at(-1)).toMatchObject({ unchanged: 2 });

    // Somebody rotates the password at the provider.
    const data = { ...original.data, password: Buffer.from('rotated-by-somebody').toString('base64') };
    await api().request('PATCH', `/api/v1/namespaces/${namespace}/secrets/store-auth`, {
      contentType: 'application/merge-patch+json',
      body: { data },
    });
    const refreshed = await project.run(['up', '--output', 'json']);
    expect(refreshed.events.at(-1), refreshed.stdout).toMatchObject({ result: 'ok', failed: 0 });
    expect((await get(mine, 'secrets', 'store-auth')).data).toEqual(data);
    await kubectl('delete', 'secret', 'store-auth', '-n', mine);
    expect((await project.run(['up'])).code).toBe(0);
    expect((await get(mine, 'secrets', 'store-auth')).data).toEqual(data);
  });

  it('history lists its revisions, rollback goes back, up goes forward again', async ({
    project,
    expect,
  }) => {
    for (const replicas of [1, 2, 3]) {
      await project.flavour({ api: app({ values: { replicas } }) });
      expect((await project.run(['up'])).code).toBe(0);
    }
    const { json } = await project.run(['history', 'api', '--output', 'json']);
    expect(json).toMatchObject({
      component: 'api',
      revisions: [
        { revision: 3, status: 'deployed', chart: 'app-1.0.0' },
        { revision: 2, status: 'superseded' },
        { revision: 1, status: 'superseded' },
      ],
    });
    const replicas = async () => (await get(project.namespace, 'deployments', 'api')).spec.replicas;
    expect((await project.run(['rollback', 'api'])).code).toBe(0);
    expect(await replicas()).toBe(2);
    expect((await project.run(['rollback', 'api', '1'])).code).toBe(0);
    expect(await replicas()).toBe(1);
    const unknown = await project.run(['rollback', 'api', '99']);
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain('api has no revision 99');
    const plan = await project.run(['plan', '--exit-code', '--output', 'json']);
    expect(plan.code).toBe(5);
    expect((await project.run(['up'])).code).toBe(0);
    expect(await replicas()).toBe(3);
    expect((await project.run(['history', 'nothing'])).code).toBe(2);
    const listed = JSON.parse(await helm('list', '-n', project.namespace, '-o', 'json'));
    expect(listed).toMatchObject([{ name: 'api', status: 'deployed' }]);
  });

  it('render writes the same manifests every time, without the secrets that up makes', async ({
    project,
    expect,
  }) => {
    const secrets = { '{{release}}-auth': { password: { generate: 20 } } };
    const settings = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: '{{release}}-extra' } };
    await project.flavour({
      api: app({ secrets, objects: [settings], values: { data: { a: 'b' } } }),
      two: app(),
    });
    const texts = [];
    for (const folder of ['one', 'two']) {
      const rendered = await project.run(['render', join(project.folder, folder), '--output', 'json']);
      expect(rendered.code, rendered.stderr).toBe(0);
      const names = (await readdir(join(project.folder, folder), { recursive: true })).sort();
      const files = names.filter((name) => name.endsWith('.yaml'));
      expect(rendered.json.files).toHaveLength(files.length);
      texts.push(
        await Promise.all(
          files.map(async (name) => [name, await readFile(join(project.folder, folder, name), 'utf8')]),
        ),
      );
    }
    expect(texts[0]).toEqual(texts[1]);
    const all = texts[0]!.map(([name, text]) => `${name}\n${text}`).join('\n');
    expect(all).toContain('api/configmap-api-extra.yaml');
    expect(all).toContain('two/deployment-two.yaml');
    expect(all).not.toContain('kind: Secret');
    await expect(kubectl('get', 'namespace', project.namespace)).rejects.toThrow(/not found/);
  });
});
