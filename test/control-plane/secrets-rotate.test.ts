import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type ExpectStatic } from 'vitest';
import { listRevisions, readRelease } from '../../src/helm/releases.ts';
import { api, applyObjects, clusterFlags, get, helmPath, kubectl, versions } from '../helpers/cluster.ts';
import { eventually } from '../helpers/eventually.ts';
import { start } from '../helpers/process.ts';
import { app, it, type Project } from '../helpers/project.ts';

const keys = { user: { generate: 24 }, password: { generate: 40 } };
const s3 = {
  endpoint: 'http://x',
  host: 'x',
  port: 1,
  secret: { name: 'store-auth', accessKey: 'user', secretKey: 'password' },
};
const uses = { secretEnv: { PASSWORD: { name: 'store-auth', key: 'password' } } };

/** A store that makes a Secret and uses it, and consumers that need it. */
function store(more: Record<string, unknown> = {}): Record<string, unknown> {
  return app({ secrets: { '{{release}}-auth': keys }, provides: { s3 }, values: uses, ...more });
}

function consumer(more: Record<string, unknown> = {}): Record<string, unknown> {
  return app({ needs: { store: 's3' }, values: uses, ...more });
}

async function valuesOf(namespace: string, name = 'store-auth'): Promise<Record<string, string>> {
  const secret = await get(namespace, 'secrets', name);
  return Object.fromEntries(
    Object.entries(secret?.data ?? {}).map(([key, value]) => [
      key,
      Buffer.from(String(value), 'base64').toString(),
    ]),
  );
}

/** When the pods of a Deployment were last replaced for the Secret. */
async function rolledFor(
  namespace: string,
  name: string,
  secret = 'store-auth',
): Promise<string | undefined> {
  const { spec } = await get(namespace, 'deployments', name);
  return spec.template.metadata.annotations?.[`secret.datamill.io/${secret}`];
}

async function rotatedAt(namespace: string): Promise<string | undefined> {
  return (await get(namespace, 'secrets', 'store-auth')).metadata.annotations?.['datamill.io/rotated'];
}

async function isRolling(namespace: string): Promise<boolean> {
  const { labels } = (await get(namespace, 'secrets', 'store-auth')).metadata;
  return labels['datamill.io/rolling'] === 'true';
}

/** What a rotation must leave: the next run finds nothing to do, and writes nothing. */
async function expectSettled(project: Project, expect: ExpectStatic) {
  const before = await versions(project.namespace);
  const plan = await project.run(['plan', '--exit-code']);
  expect(plan.code, plan.stdout).toBe(0);
  const up = await project.run(['up', '--output', 'json']);
  expect(up.code, up.stdout + up.stderr).toBe(0);
  expect(up.events.at(-1)).toMatchObject({ upgraded: 0, installed: 0 });
  expect(await versions(project.namespace)).toEqual(before);
}

describe.concurrent('secrets rotate', () => {
  it('makes new values, refreshes copies and restarts what uses them, the provider first', async ({
    project,
    expect,
  }) => {
    const { namespace } = project;
    const elsewhere = project.another();
    await project.flavour({
      api: consumer(),
      far: consumer({ namespace: elsewhere }),
      idle: app(),
      store: store(),
    });
    expect((await project.run(['up'])).code).toBe(0);
    const foreign = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'mine', namespace },
      spec: {
        selector: { matchLabels: { app: 'mine' } },
        template: {
          metadata: { labels: { app: 'mine' } },
          spec: {
            containers: [{ name: 'a', image: 'x:1', envFrom: [{ secretRef: { name: 'store-auth' } }] }],
          },
        },
      },
    };
    await applyObjects(foreign);
    const [before, idle] = [await valuesOf(namespace), await get(namespace, 'deployments', 'idle')];

    const rotate = await project.run(['secrets', 'rotate', 'store-auth']);

    expect(rotate.code, rotate.stdout + rotate.stderr).toBe(0);
    const after = await valuesOf(namespace);
    expect(after.user).toMatch(/^[A-Za-z0-9]{24}$/);
    expect(after.password).toMatch(/^[A-Za-z0-9]{40}$/);
    for (const key of ['user', 'password']) expect(after[key]).not.toBe(before[key]);
    expect(await valuesOf(elsewhere)).toEqual(after);
    const time = await rotatedAt(namespace);
    expect(await rolledFor(namespace, 'store')).toBe(time);
    expect(await rolledFor(namespace, 'api')).toBe(time);
    expect(await rolledFor(elsewhere, 'far')).toBe(time);
    expect(await isRolling(namespace)).toBe(false);
    expect((await get(namespace, 'deployments', 'idle')).metadata.generation).toBe(idle.metadata.generation);
    expect((await get(namespace, 'deployments', 'mine')).metadata.generation).toBe(1);
    expect(rotate.stdout).toMatch(/in this order: Deployment\/store .*Deployment\/api/);
    expect(rotate.stdout).toMatch(/Not restarted: Deployment\/mine .*not made by this project/);
    for (const value of [...Object.values(before), ...Object.values(after)])
      expect(rotate.stdout + rotate.stderr).not.toContain(value);
    await expectSettled(project, expect);
  });

  it('changes one key when only that is named', async ({ project, expect }) => {
    await project.flavour({ store: store() });
    await project.run(['up']);
    const before = await valuesOf(project.namespace);
    const rotate = await project.run(['secrets', 'rotate', 'store-auth', 'password', '--output', 'json']);

    expect(rotate.json).toMatchObject({
      schema: 1,
      name: 'store-auth',
      component: 'store',
      keys: ['password'],
      restarted: [{ component: 'store', namespace: project.namespace, object: 'Deployment/store' }],
    });
    const after = await valuesOf(project.namespace);
    expect(after.user).toBe(before.user);
    expect(after.password).not.toBe(before.password);
  });

  it('goes on where it was interrupted, with the value that it had made', async ({ project, expect }) => {
    const { namespace } = project;
    await project.flavour({ store: store(), api: consumer() });
    await project.run(['up']);
    const first = await valuesOf(namespace);
    const simulate = (value: string | null) =>
      kubectl(
        ...['patch', 'deployment', 'store', '-n', namespace, '--type', 'merge', '-p'],
        JSON.stringify({
          spec: { template: { metadata: { annotations: { 'datamill.io/simulate': value } } } },
        }),
      );
    await simulate('not-ready');
    const running = start(['secrets', 'rotate', 'store-auth', '-f', 'flavour.yaml', ...clusterFlags()], {
      cwd: project.folder,
    });
    await eventually(async () => expect(await rolledFor(namespace, 'store')).toBeDefined());
    running.kill('SIGINT');
    expect(await running.ended).toBe(130);
    const second = await valuesOf(namespace);
    expect(second.password).not.toBe(first.password);
    expect(await isRolling(namespace)).toBe(true);
    expect(await rolledFor(namespace, 'api')).toBeUndefined();
    expect((await project.run(['secrets'])).stdout).toMatch(/store-auth .*not in use everywhere/);

    await simulate(null);
    const again = await project.run(['secrets', 'rotate', 'store-auth']);

    expect(again.code, again.stdout + again.stderr).toBe(0);
    expect(again.stdout).toMatch(/going on with the new value/);
    expect(await valuesOf(namespace)).toEqual(second);
    expect(await rolledFor(namespace, 'api')).toBe(await rotatedAt(namespace));
    expect(await isRolling(namespace)).toBe(false);
  });

  it('is brought to its end by up as well', async ({ project, expect }) => {
    const { namespace } = project;
    await project.flavour({ store: store(), api: consumer() });
    await project.run(['up']);
    const path = `/api/v1/namespaces/${namespace}/secrets/store-auth`;
    const metadata = {
      labels: { 'datamill.io/rolling': 'true' },
      annotations: { 'datamill.io/rotated': '2026-01-01T00:00:00.000Z' },
    };
    await api().request('PATCH', path, { contentType: 'application/merge-patch+json', body: { metadata } });
    const up = await project.run(['up']);

    expect(up.code, up.stdout + up.stderr).toBe(0);
    for (const name of ['store', 'api'])
      expect(await rolledFor(namespace, name)).toBe('2026-01-01T00:00:00.000Z');
    expect(await isRolling(namespace)).toBe(false);
  });

  it('says why something does not come up again, and is not through', async ({ project, expect }) => {
    const { namespace } = project;
    await project.flavour({ store: store() });
    await project.run(['up']);
    await kubectl(
      ...['patch', 'deployment', 'store', '-n', namespace, '--type', 'merge', '-p'],
      '{"spec":{"template":{"metadata":{"annotations":{"datamill.io/simulate":"crash-loop"}}}}}',
    );
    const rotate = await project.run(['secrets', 'rotate', 'store-auth']);

    expect(rotate.code).toBe(1);
    expect(rotate.stderr).toMatch(/ROLL_FAILED.*Deployment\/store does not become ready/);
    expect(await isRolling(namespace)).toBe(true);
  });

  it('refuses what it cannot do, and touches nothing', async ({ project, expect }) => {
    const { namespace } = project;
    const secrets = {
      '{{release}}-auth': {
        user: { value: 'someone' },
        fernet: { generate: 32, rotate: 'none' },
      },
    };
    await project.flavour({ store: app({ secrets }) });
    const early = await project.run(['secrets', 'rotate', 'store-auth']);
    expect([early.code, early.stderr]).toEqual([3, expect.stringMatching(/NO_SECRET.*not there yet/)]);
    await project.run(['up']);
    const before = await versions(namespace);
    const refused = async (...args: string[]) => {
      const { code, stderr } = await project.run(['secrets', 'rotate', ...args]);
      return `${code} ${stderr}`;
    };

    expect(await refused('store-auth')).toMatch(/^3 .*NOT_ROTATED.*store-auth\.user.*fixed value/);
    expect(await refused('store-auth', 'fernet')).toMatch(/^3 .*NOT_ROTATED.*keeps it inside/);
    expect(await refused('store-auth', 'fernt')).toMatch(/^2 .*UNKNOWN_KEY[\s\S]*did you mean "fernet"/);
    expect(await refused('store')).toMatch(/^2 .*UNKNOWN_SECRET[\s\S]*store is a component/);
    expect(await versions(namespace)).toEqual(before);
  });

  it('has a Job change the value inside the service, and keeps the new one until that is done', async ({
    project,
    expect,
  }) => {
    const { namespace } = project;
    const job = (timeout: number) => ({
      image: 'registry.example/psql:1',
      command: ['change', '{{release}}'],
      timeout,
    });
    const write = (timeout: number) =>
      project.flavour({
        store: store({
          secrets: {
            '{{release}}-auth': { ...keys, password: { generate: 40, rotate: { job: job(timeout) } } },
          },
        }),
      });
    await write(60);
    await project.run(['up']);
    const before = await valuesOf(namespace);
    // Nobody may make pods: the Job does not end.
    const quota = {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'none', namespace },
      spec: { hard: { pods: '0' } },
    };
    await applyObjects(quota);
    await write(2);
    const failed = await project.run(['secrets', 'rotate', 'store-auth']);
    expect([failed.code, failed.stderr]).toEqual([1, expect.stringMatching(/hook rotate-password of store/)]);
    expect(await valuesOf(namespace)).toEqual(before);
    const staged = await valuesOf(namespace, 'store-auth-next');
    expect(staged.password).toMatch(/^[A-Za-z0-9]{40}$/);

    await kubectl('delete', 'resourcequota', 'none', '-n', namespace);
    await write(60);
    const rotate = await project.run(['secrets', 'rotate', 'store-auth']);

    expect(rotate.code, rotate.stdout + rotate.stderr).toBe(0);
    expect((await valuesOf(namespace)).password).toBe(staged.password);
    expect(await get(namespace, 'secrets', 'store-auth-next')).toBeUndefined();
    const { items } = JSON.parse(await kubectl('get', 'jobs', '-n', namespace, '-o', 'json'));
    const [{ env, command }] = items[0].spec.template.spec.containers;
    expect(command).toEqual(['change', 'store']);
    expect(env).toEqual([
      { name: 'OLD', valueFrom: { secretKeyRef: { name: 'store-auth', key: 'password' } } },
      { name: 'NEW', valueFrom: { secretKeyRef: { name: 'store-auth-next', key: 'password' } } },
    ]);
  });
});

describe.concurrent('a chart that takes a secret only as a literal value', () => {
  it('gets it through standard input; plan, arguments and record do not have it', async ({
    project,
    expect,
  }) => {
    const { namespace } = project;
    const log = join(project.folder, 'helm.log');
    // Everything that a user of the machine can see of processes, while helm runs.
    const wrapper = await project.write(
      'helm',
      `#!/bin/sh\nfor f in /proc/[0-9]*/cmdline; do tr '\\0' ' ' < $f; echo; done >> '${log}' 2>/dev/null\n{ printf '%s\\n' "$0" "$@"; env; } >> '${log}'\nexec '${await helmPath()}' "$@"\n`,
    );
    await chmod(wrapper, 0o755);
    const env = { DATAMILL_HELM: wrapper };
    const literal = (data: Record<string, unknown>) =>
      app({
        needs: { store: 's3' },
        literal_secrets: ['data.password'],
        values: { data: { password: { secret: 'store-auth', key: 'password' }, ...data } },
      });
    await project.flavour({ store: store(), old: literal({}) });
    const outputs: string[] = [];
    const run = async (...args: string[]) => {
      const result = await project.run(args, { env });
      outputs.push(result.stdout, result.stderr);
      return result;
    };

    const plan = await run('plan');
    expect(plan.code, plan.stderr).toBe(0);
    const up = await run('up', '--output', 'json');
    expect(up.code, up.stdout + up.stderr).toBe(0);
    expect(up.events.filter(({ type }) => type === 'warning')).toEqual([
      expect.objectContaining({ message: expect.stringMatching(/old: .*store-auth only as a literal/) }),
    ]);
    const first = await valuesOf(namespace);
    expect((await get(namespace, 'configmaps', 'old')).data.password).toBe(first.password);
    await project.flavour({ store: store(), old: literal({ more: 'x' }) });
    expect((await run('plan', '--verbose')).stdout).toMatch(/data\.more/);

    const early = await run('secrets', 'rotate', 'store-auth');
    expect([early.code, early.stderr]).toEqual([
      3,
      expect.stringMatching(/OUTDATED.*old has to be upgraded/),
    ]);
    expect(await valuesOf(namespace)).toEqual(first);
    await run('up');
    await run('config', '--output', 'yaml');
    await run('render', join(project.folder, 'rendered'));
    const rotate = await run('secrets', 'rotate', 'store-auth');
    expect(rotate.code, rotate.stdout + rotate.stderr).toBe(0);
    await kubectl('patch', 'configmap', 'old', '-n', namespace, '-p', '{"data":{"password":"by hand"}}');
    const drifted = await run('plan');
    expect(drifted.stdout).toMatch(/data\.password/);
    await run('up');
    await run('status', '--output', 'json');

    const second = await valuesOf(namespace);
    expect((await get(namespace, 'configmaps', 'old')).data.password).toBe(second.password);
    const records = await kubectl(
      'get',
      'configmaps',
      '-n',
      namespace,
      '-o',
      'json',
      '-l',
      'datamill.io/component',
    );
    const calls = await readFile(log, 'utf8');
    expect(calls).toMatch(/^upgrade$/m);
    const rendered = await readFile(join(project.folder, 'rendered', 'old', 'configmap-old.yaml'), 'utf8');
    expect(rendered).toMatch(/password: value-of-store-auth\.password/);
    for (const value of [...Object.values(first), ...Object.values(second)]) {
      expect(value.length).toBeGreaterThanOrEqual(24);
      for (const text of [...outputs, calls, rendered]) expect(text.includes(value)).toBe(false);
      expect(
        JSON.parse(records)
          .items.map((one: { data: { record: string } }) => one.data.record)
          .join(),
      ).not.toContain(value);
    }
    // Helm's own history has the old value no more.
    const revisions = await listRevisions(api(), namespace, { release: 'old', superseded: true });
    for (const { secret } of revisions)
      expect(JSON.stringify(await readRelease(api(), namespace, secret))).not.toContain(first.password);
    await expectSettled(project, expect);
  });

  it('is refused when its path names no secret', async ({ project, expect }) => {
    await project.flavour({
      old: app({ literal_secrets: ['data.password'], values: { data: { password: { name: 'x' } } } }),
    });
    const up = await project.run(['up']);

    expect([up.code, up.stderr]).toEqual([2, expect.stringMatching(/LITERAL_SECRET.*data\.password of old/)]);
    expect(await api().find(`/api/v1/namespaces/${project.namespace}`)).toBeUndefined();
  });
});
