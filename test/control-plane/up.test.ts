import { join } from 'node:path';
import { describe } from 'vitest';
import { packageRoot } from '../../src/util/paths.ts';
import { run } from '../helpers/cli.ts';
import { get, helm, kubectl, versions } from '../helpers/cluster.ts';
import { eventually } from '../helpers/eventually.ts';
import { app, it, rehearsalTarget } from '../helpers/project.ts';

interface Row {
  name: string;
  release: string;
  namespace: string;
  revision: number;
  chart: string;
  state: string;
  ready: boolean;
}

/** The versions of all objects, once controllers have written all that they have to. */
async function settled(namespace: string): Promise<Record<string, string>> {
  let before = await versions(namespace);
  return eventually(async () => {
    await new Promise((resolve) => setTimeout(resolve, 400));
    const now = await versions(namespace);
    const same = JSON.stringify(now) === JSON.stringify(before);
    before = now;
    if (!same) throw new Error('objects still change');
    return now;
  });
}

describe.concurrent('up', () => {
  it('installs the default flavour, then changes nothing, then only what was changed', async ({
    project,
    expect,
  }) => {
    const { namespace } = project;
    const { flags, env } = await rehearsalTarget(project);
    const flavour = ['-f', join(packageRoot, 'flavours', 'default.yaml'), '-n', namespace, ...flags];
    const datamill = (verb: string, ...more: string[]) =>
      run([verb, ...flavour, ...more], { cwd: project.folder, env });

    const first = await datamill('up');
    expect(first.code, first.stdout + first.stderr).toBe(0);
    expect(first.stdout).toMatch(/simulated/i);
    for (const name of ['minio', 'dask', 'mlflow']) expect(first.stdout).toContain(name);

    const { json: status } = await datamill('status', '--output', 'json');
    expect(status).toMatchObject({
      schema: 1,
      flavour: 'default',
      namespace,
      target: { driver: 'rehearsal', simulated: true, kubernetes: expect.stringMatching(/^v1\./) },
      leftover: [],
    });
    const components = status.components as Row[];
    expect(components.map(({ name, state, ready }) => [name, state, ready]).sort()).toEqual([
      ['dask', 'deployed', true],
      ['minio', 'deployed', true],
      ['mlflow', 'deployed', true],
    ]);
    const releases = JSON.parse(await helm('list', '-A', '-o', 'json', '--max', '0'));
    const ours = releases
      .filter((release: { namespace: string }) => release.namespace === namespace)
      .map((one: { name: string; revision: string; chart: string; status: string }) => [
        one.name,
        Number(one.revision),
        one.chart,
        one.status,
      ]);
    expect(ours.sort()).toEqual(
      components.map(({ release, revision, chart, state }) => [release, revision, chart, state]).sort(),
    );
    const { items: pods } = JSON.parse(await kubectl('get', 'pods', '-A', '-o', 'json'));
    const mine = pods.filter(
      (pod: { metadata: { namespace: string } }) => pod.metadata.namespace === namespace,
    );
    expect(mine.length).toBeGreaterThanOrEqual(5);
    for (const pod of mine) {
      expect(components.map(({ release }) => release)).toContain(
        pod.metadata.labels['app.kubernetes.io/instance'],
      );
      expect(pod.status.conditions).toContainEqual(
        expect.objectContaining({ type: 'Ready', status: 'True' }),
      );
    }

    const before = await settled(namespace);
    const second = await datamill('up');
    expect(second.code, second.stdout + second.stderr).toBe(0);
    expect(second.stdout).toMatch(/3 unchanged/);
    expect(await versions(namespace)).toEqual(before);

    const third = await datamill('up', '--set', 'dask.workers=3', '--output', 'json');
    expect(third.code, third.stdout + third.stderr).toBe(0);
    expect(third.events.at(-1)).toMatchObject({ upgraded: 1, unchanged: 2, installed: 0, failed: 0 });
    const after = JSON.parse(await helm('list', '-n', namespace, '-o', 'json'));
    const revisions = after.map((one: { name: string; revision: string }) => [one.name, one.revision]).sort();
    expect(revisions).toEqual([
      ['dask', '2'],
      ['minio-datalake', '1'],
      ['mlflow', '1'],
    ]);
    expect((await get(namespace, 'deployments', 'dask-worker')).spec.replicas).toBe(3);
  });

  it('tells every step as a JSON event, and the summary last', async ({ project, expect }) => {
    await project.flavour({
      web: app({ needs: { store: 'shelf' } }),
      shelf: app({ provides: { shelf: { at: 'x' } } }),
    });
    const { code, events, stdout } = await project.run(['up', '--output', 'json']);
    expect(code, stdout).toBe(0);
    expect(stdout.trim().split('\n')).toHaveLength(events.length);
    const phases = ['tools', 'target', 'preflight', 'lock', 'repair', 'plan', 'secrets', 'install'];
    for (const event of events.slice(0, -1)) {
      expect(event).toMatchObject({ schema: 1, type: 'step', message: expect.any(String) });
      expect(new Date(event.time).toISOString()).toBe(event.time);
      expect(phases).toContain(event.phase);
      expect(['waiting', 'running', 'done', 'failed', 'skipped']).toContain(event.state);
    }
    const ours = events.filter(({ component }) => component !== undefined);
    const done = ours.filter(({ state }) => state === 'done').map(({ component }) => component);
    expect(done).toEqual(['shelf', 'web']);
    expect(events.at(-1)).toEqual({
      schema: 1,
      time: expect.any(String),
      type: 'summary',
      result: 'ok',
      simulated: false,
      installed: 2,
      upgraded: 0,
      unchanged: 0,
      removed: 0,
      failed: 0,
      skipped: 0,
      checks: { passed: 0, failed: 0, skipped: 0 },
      seconds: expect.any(Number),
    });
    const again = await project.run(['up', '--output', 'json']);
    expect(again.events.at(-1)).toMatchObject({ result: 'ok', installed: 0, unchanged: 2 });
  });

  it('upgrades only what a setting of the flavour changes', async ({ project, expect }) => {
    const components = { one: app(), two: app() };
    await project.flavour(components);
    expect((await project.run(['up'])).code).toBe(0);
    await project.flavour(components, { two: { values: { replicas: 2 } } });
    const second = await project.run(['up', '--output', 'json']);
    expect(second.events.at(-1)).toMatchObject({ result: 'ok', upgraded: 1, unchanged: 1 });
    expect((await get(project.namespace, 'deployments', 'two')).spec.replicas).toBe(2);
    expect((await get(project.namespace, 'deployments', 'one')).spec.replicas).toBe(1);
  });

  it('takes a changed file of the chart for a change', async ({ project, expect }) => {
    const { cp } = await import('node:fs/promises');
    await cp(join(packageRoot, 'test/fixtures/charts/app'), join(project.folder, 'chart'), {
      recursive: true,
    });
    await project.flavour({ api: { chart: { path: './chart' } } });
    expect((await project.run(['up'])).code).toBe(0);
    await project.write(
      'chart/templates/more.yaml',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: "{{ .Release.Name }}-more" }\n',
    );
    const second = await project.run(['up', '--output', 'json']);
    expect(second.events.at(-1)).toMatchObject({ upgraded: 1 });
    expect(await get(project.namespace, 'configmaps', 'api-more')).toBeDefined();
  });

  it('refuses what cannot be installed, by name, before the namespace is made', async ({
    project,
    expect,
  }) => {
    await project.flavour({}, { project: { flavour: 'storageos, api' } });
    const unknown = await project.run(['up']);
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain('there is no component "api"');
    await project.flavour({ api: app() }, { project: { flavour: 'storageos' } });
    const planned = await project.run(['up', '--output', 'json']);
    expect(planned.code).toBe(3);
    expect(JSON.parse(planned.stderr.trim().split('\n').at(-1)!)).toMatchObject({
      schema: 1,
      error: { code: 'UNAVAILABLE_COMPONENT', message: expect.stringContaining('storageos'), line: 3 },
    });
    expect(planned.events.at(-1)).toMatchObject({ type: 'error', code: 'UNAVAILABLE_COMPONENT' });
    await expect(kubectl('get', 'namespace', project.namespace)).rejects.toThrow(/not found/);
  });
});
