import { join } from 'node:path';
import { describe } from 'vitest';
import { api, get, helm, kubectl, versions } from '../helpers/cluster.ts';
import { app, charts, it, type Project } from '../helpers/project.ts';

async function patch(project: Project, path: string, body: unknown): Promise<void> {
  await api().request('PATCH', path.replace('NS', `namespaces/${project.namespace}`), {
    contentType: 'application/merge-patch+json',
    query: { fieldManager: 'somebody' },
    body,
  });
}

describe.concurrent('plan', () => {
  it('shows what would be made and changed, with secrets masked, and touches nothing', async ({
    project,
    expect,
  }) => {
    await project.flavour({ api: app({ values: { secret: { token: 'hunter2-before' } } }) });
    const first = await project.run(['plan', '--exit-code', '--output', 'json']);
    expect(first.code, first.stderr).toBe(5);
    expect(first.json).toMatchObject({
      schema: 1,
      summary: { install: 1, upgrade: 0, none: 0, uninstall: 0 },
      steps: [{ component: 'api', action: 'install', reason: 'absent' }],
    });
    expect(first.stdout).not.toMatch(/hunter2|aHVudGVy/);
    const kinds = first.json.steps[0].changes.map(
      ({ kind, name }: { kind: string; name: string }) => `${kind}/${name}`,
    );
    expect(kinds.sort()).toEqual(['ConfigMap/api', 'Deployment/api', 'Secret/api-chart', 'Service/api']);
    await expect(kubectl('get', 'namespace', project.namespace)).rejects.toThrow(/not found/);

    expect((await project.run(['up'])).code).toBe(0);
    const none = await project.run(['plan', '--exit-code', '--output', 'json']);
    expect(none.code).toBe(0);
    expect(none.json.steps).toEqual([{ component: 'api', action: 'none', reason: 'unchanged', changes: [] }]);

    await project.flavour({ api: app({ values: { secret: { token: 'hunter2-after' }, replicas: 2 } }) });
    const before = await versions(project.namespace);
    const change = await project.run(['plan', '--exit-code', '--output', 'json']);
    expect(change.code).toBe(5);
    expect(change.json.steps).toMatchObject([{ action: 'upgrade', reason: 'its inputs changed' }]);
    expect(change.json.steps[0].changes).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ kind: 'Deployment', path: 'spec.replicas', before: 1, after: 2 }),
        expect.objectContaining({ kind: 'Secret', before: '*** (before)', after: '*** (after)' }),
      ]),
    );
    const text = await project.run(['up', '--dry-run']);
    expect(text.code).toBe(0);
    expect(text.stdout).toMatch(/~ api: upgrade/);
    expect(text.stdout).toMatch(/1 to upgrade/);
    for (const out of [change.stdout, change.stderr, text.stdout])
      expect(out).not.toMatch(/hunter2|aHVudGVy/);
    expect(await versions(project.namespace)).toEqual(before);
  });

  it('finds drift of live objects, and up mends it', async ({ project, expect }) => {
    await project.flavour({ api: app({ values: { data: { key: 'ours' } } }), other: app() });
    expect((await project.run(['up'])).code).toBe(0);
    await patch(project, '/apis/apps/v1/NS/deployments/api', { spec: { replicas: 4 } });
    await patch(project, '/api/v1/NS/configmaps/api', { data: { key: 'theirs', more: 'left alone' } });
    const { json, code } = await project.run(['plan', '--output', 'json', '--exit-code']);
    expect(code).toBe(5);
    expect(json.summary).toMatchObject({ reapply: 1, none: 1 });
    const step = json.steps.find(({ component }: { component: string }) => component === 'api');
    expect(step.changes).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ kind: 'Deployment', path: 'spec.replicas', before: 4, after: 1 }),
        expect.objectContaining({ kind: 'ConfigMap', path: 'data.key', before: 'theirs', after: 'ours' }),
      ]),
    );
    expect(step.changes).toHaveLength(2);
    const up = await project.run(['up', '--output', 'json']);
    expect(up.events.at(-1)).toMatchObject({ upgraded: 1, unchanged: 1 });
    expect((await get(project.namespace, 'deployments', 'api')).spec.replicas).toBe(1);
    expect((await get(project.namespace, 'configmaps', 'api')).data.key).toBe('ours');
    expect((await project.run(['plan', '--exit-code'])).code).toBe(0);

    await kubectl('delete', 'deployment', 'api', '-n', project.namespace, '--wait=true');
    const status = await project.run(['status', '--output', 'json']);
    expect(status.json.components[0]).toMatchObject({
      name: 'api',
      state: 'drifted',
      ready: false,
      message: 'Deployment/api is missing',
    });
    const plan = await project.run(['plan', '--output', 'json']);
    expect(plan.json.steps[0]).toMatchObject({ action: 'reapply', reason: 'Deployment/api is missing' });
    const mend = await project.run(['up', '--output', 'json']);
    expect(mend.events.at(-1)).toMatchObject({ result: 'ok', upgraded: 1, unchanged: 1 });
    expect((await get(project.namespace, 'deployments', 'api')).status.readyReplicas).toBe(1);
    const ready = await project.run(['status', '--output', 'json']);
    expect(ready.json.components[0]).toMatchObject({ state: 'deployed', ready: true });
  });

  it('shows what the flavour no longer names, and only --prune removes it', async ({ project, expect }) => {
    await project.flavour({
      api: app(),
      gone: app({ needs: { base: 'base' } }),
      base: app({ provides: { base: {} } }),
    });
    expect((await project.run(['up'])).code).toBe(0);
    await project.flavour({ api: app() });
    const plan = await project.run(['plan', '--output', 'json', '--exit-code']);
    expect(plan.code).toBe(5);
    expect(plan.json.summary).toMatchObject({ none: 1, uninstall: 2 });
    const kept = await project.run(['up']);
    expect(kept.code).toBe(0);
    expect(kept.stdout).toContain('--prune');
    expect((await project.run(['status', '--output', 'json'])).json.leftover.sort()).toEqual([
      'base',
      'gone',
    ]);
    // -c is about single components: what it does not name stays, whatever else is said.
    expect((await project.run(['up', '-c', 'api', '--prune'])).code).toBe(0);
    expect(await get(project.namespace, 'deployments', 'gone')).toBeDefined();

    const pruned = await project.run(['up', '--prune', '--output', 'json']);
    expect(pruned.events.at(-1)).toMatchObject({ result: 'ok', removed: 2, unchanged: 1 });
    const order = pruned.events
      .filter(({ phase, state }) => phase === 'uninstall' && state === 'done')
      .map(({ component }) => component);
    expect(order).toEqual(['gone', 'base']);
    expect(await get(project.namespace, 'deployments', 'gone')).toBeUndefined();
    expect(await get(project.namespace, 'configmaps', 'datamill-gone')).toBeUndefined();
    expect((await project.run(['plan', '--exit-code'])).code).toBe(0);
  });

  it('-c brings what a component needs, --only does not', async ({ project, expect }) => {
    const chart = { path: join(charts, 'app') };
    await project.write('components/shop/component.yaml', { name: 'shop', chart, needs: { base: 'ground' } });
    await project.write('components/ground/component.yaml', {
      name: 'ground',
      chart,
      provides: { ground: {} },
    });
    await project.flavour({ api: app() });
    const only = await project.run(['plan', '-c', 'shop', '--only', '--output', 'json']);
    expect(only.json.steps.map(({ component }: { component: string }) => component)).toEqual(['shop']);
    const both = await project.run(['up', '-c', 'shop', '--output', 'json']);
    expect(both.events.at(-1), both.stderr).toMatchObject({ result: 'ok', installed: 2 });
    expect(await get(project.namespace, 'deployments', 'ground')).toBeDefined();
    expect(await get(project.namespace, 'deployments', 'api')).toBeUndefined();
    const status = await project.run(['status', '-c', 'shop', '--output', 'json']);
    expect(status.json.components.map(({ name, state }: never) => [name, state])).toEqual([
      ['ground', 'deployed'],
      ['shop', 'deployed'],
    ]);
  });

  it('a release of somebody else is refused before anything is touched, and taken over with --adopt', async ({
    project,
    expect,
  }) => {
    await helm(
      'install',
      'api',
      join(charts, 'app'),
      '-n',
      project.namespace,
      '--create-namespace',
      '--set',
      'data.a=b',
    );
    await project.flavour({ first: app(), api: app({ values: { data: { a: 'ours' } } }) });
    const before = await versions(project.namespace);
    const plan = await project.run(['plan', '--output', 'json']);
    expect(plan.json.summary).toMatchObject({ adopt: 1, install: 1 });
    const refused = await project.run(['up', '--output', 'json']);
    expect(refused.code).toBe(3);
    expect(JSON.parse(refused.stderr).error).toMatchObject({
      code: 'FOREIGN_RELEASE',
      message: expect.stringContaining('release api was not made by data-mill'),
      hint: expect.stringContaining('--adopt'),
    });
    expect(await get(project.namespace, 'deployments', 'first')).toBeUndefined();
    expect(Object.keys(await versions(project.namespace))).toEqual(Object.keys(before));
    expect((await project.run(['status', '--output', 'json'])).json.components[1]).toMatchObject({
      state: 'foreign',
    });
    const adopted = await project.run(['up', '--adopt', '--output', 'json']);
    expect(adopted.events.at(-1), adopted.stderr).toMatchObject({ result: 'ok', installed: 1, upgraded: 1 });
    expect((await get(project.namespace, 'configmaps', 'api')).data).toEqual({ a: 'ours' });
    expect((await project.run(['plan', '--exit-code'])).code).toBe(0);
  });

  it('keeps projects of one name in two namespaces apart, and two projects in one namespace', async ({
    project,
    expect,
  }) => {
    const elsewhere = project.another();
    await project.flavour({ api: app(), more: app() });
    expect((await project.run(['up'])).code).toBe(0);
    expect((await project.run(['up', '-n', elsewhere])).code).toBe(0);
    await project.flavour({ api: app() });
    const pruned = await project.run(['up', '--prune', '--output', 'json', '-n', elsewhere]);
    expect(pruned.events.at(-1)).toMatchObject({ removed: 1, unchanged: 1 });
    expect(await get(elsewhere, 'deployments', 'more')).toBeUndefined();
    expect(await get(project.namespace, 'deployments', 'more')).toBeDefined();

    await project.flavour({ api: app() }, { project: { name: 'second' } });
    const foreign = await project.run(['up']);
    expect(foreign.code).toBe(3);
    expect(foreign.stderr).toContain('release api belongs to project flavour');
    await project.flavour({ third: app() }, { project: { name: 'second' } });
    const beside = await project.run(['up', '--prune', '--output', 'json']);
    expect(beside.events.at(-1)).toMatchObject({ installed: 1, removed: 0 });
    expect(await get(project.namespace, 'deployments', 'more')).toBeDefined();
  });
});
