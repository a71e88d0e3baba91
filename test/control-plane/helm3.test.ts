import { join } from 'node:path';
import { beforeAll, describe } from 'vitest';
import { decodeRelease } from '../../src/helm/releases.ts';
import { api, get, helm } from '../helpers/cluster.ts';
import { buildHelm3, canHaveHelm3, helm3 } from '../helpers/helm3.ts';
import { app, charts, it, type Project } from '../helpers/project.ts';

const there = canHaveHelm3();
if (!there)
  console.warn('skipped: releases of Helm 3 are taken over (there is no Go toolchain to build Helm 3)');

async function install(project: Project, ...more: string[]): Promise<void> {
  const values = ['--set', 'data.key=three', '--set', 'replicas=2'];
  const where = ['--namespace', project.namespace, '--create-namespace'];
  await helm3('install', 'api', join(charts, 'app'), ...where, ...values, ...more);
}

async function applyMethod({ namespace }: Project, revision: number): Promise<string | undefined> {
  const secret = await get(namespace, 'secrets', `sh.helm.release.v1.api.v${revision}`);
  return decodeRelease(secret.data.release).apply_method;
}

async function managers({ namespace }: Project): Promise<string[]> {
  const { metadata } = await get(namespace, 'deployments', 'api');
  return metadata.managedFields
    .filter((entry: { subresource?: string }) => entry.subresource === undefined)
    .map(({ manager, operation }: { manager: string; operation: string }) => `${manager} ${operation}`);
}

describe.skipIf(!there).concurrent('a release that Helm 3 made', () => {
  beforeAll(buildHelm3, 1_200_000);

  it('is foreign, and taken over with --adopt', async ({ project, expect }) => {
    expect(await helm3('version', '--short')).toMatch(/^v3\./);
    await install(project);
    expect(await applyMethod(project, 1)).toBeUndefined();
    const { uid } = (await get(project.namespace, 'deployments', 'api')).metadata;
    await project.flavour({ api: app({ values: { data: { key: 'four' } } }) });

    const refused = await project.run(['up']);
    expect(refused.code, refused.stderr).toBe(3);
    expect((await get(project.namespace, 'configmaps', 'api')).data.key).toBe('three');

    const adopted = await project.run(['up', '--adopt', '--output', 'json']);
    expect(adopted.code, adopted.stdout + adopted.stderr).toBe(0);
    expect(adopted.events.at(-1)).toMatchObject({ upgraded: 1, installed: 0 });
    expect((await get(project.namespace, 'configmaps', 'api')).data.key).toBe('four');
    const deployment = await get(project.namespace, 'deployments', 'api');
    expect(deployment.metadata.uid).toBe(uid);
    expect(deployment.spec.replicas).toBe(1);
    expect(await managers(project)).toContainEqual(expect.stringMatching(/^helm /));

    const again = await project.run(['up', '--output', 'json']);
    expect(again.events.at(-1)).toMatchObject({ unchanged: 1 });
    const listed = JSON.parse(await helm('list', '-n', project.namespace, '-o', 'json'));
    expect(listed).toMatchObject([{ name: 'api', revision: '2', status: 'deployed' }]);
    expect((await project.run(['plan', '--exit-code'])).code).toBe(0);
  });

  it('with our labels is upgraded without more ado, several times', async ({ project, expect }) => {
    await install(
      project,
      '--labels',
      `datamill.io/project=flavour,datamill.io/home=${project.namespace},datamill.io/component=api`,
    );
    for (const [key, replicas] of [
      ['four', 3],
      ['five', 1],
    ] as const) {
      await project.flavour({ api: app({ values: { data: { key }, replicas } }) });
      const up = await project.run(['up', '--output', 'json']);
      expect(up.code, up.stdout + up.stderr).toBe(0);
      expect(up.events.at(-1)).toMatchObject({ upgraded: 1 });
      expect((await get(project.namespace, 'configmaps', 'api')).data).toEqual({ key });
      expect((await get(project.namespace, 'deployments', 'api')).spec.replicas).toBe(replicas);
    }
    const plan = await project.run(['plan', '--output', 'json']);
    expect(plan.json.steps).toMatchObject([{ action: 'none', changes: [] }]);
  });

  it('and drifted is mended, and goes with down', async ({ project, expect }) => {
    await install(project);
    await project.flavour({ api: app({ values: { replicas: 2 } }) });
    expect((await project.run(['up', '--adopt'])).code).toBe(0);
    await api().request('PATCH', `/apis/apps/v1/namespaces/${project.namespace}/deployments/api`, {
      contentType: 'application/merge-patch+json',
      query: { fieldManager: 'somebody' },
      body: { spec: { replicas: 5 } },
    });
    const plan = await project.run(['plan', '--output', 'json']);
    expect(plan.json.steps).toMatchObject([
      { action: 'reapply', changes: [{ path: 'spec.replicas', before: 5, after: 2 }] },
    ]);
    expect((await project.run(['up'])).code).toBe(0);
    expect((await get(project.namespace, 'deployments', 'api')).spec.replicas).toBe(2);
    expect((await project.run(['down'])).code).toBe(0);
    expect(JSON.parse(await helm('list', '-n', project.namespace, '-o', 'json'))).toEqual([]);
    expect(await get(project.namespace, 'deployments', 'api')).toBeUndefined();
  });
});
