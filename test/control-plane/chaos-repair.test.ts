import { describe } from 'vitest';
import { type ReleaseStatus, withStatus } from '../../src/helm/releases.ts';
import type { KubeObject } from '../../src/kube/types.ts';
import {
  component,
  expectConverges,
  expectKept,
  expectNoTrace,
  newestRevisions,
  treasures,
} from '../helpers/chaos.ts';
import { api, clusterFlags, get } from '../helpers/cluster.ts';
import { eventually } from '../helpers/eventually.ts';
import { childrenOf, start } from '../helpers/process.ts';
import { it, type Project } from '../helpers/project.ts';

const secretPath = (namespace: string, revision: number) =>
  `/api/v1/namespaces/${namespace}/secrets/sh.helm.release.v1.a.v${revision}`;

/** Writes into helm's own Secret that a revision is in a state that only a killed helm leaves. */
async function leave(namespace: string, revision: number, status: ReleaseStatus): Promise<void> {
  const path = secretPath(namespace, revision);
  const secret = await api().get<KubeObject>(path);
  const labels = { ...secret.metadata.labels, status };
  const data = { release: withStatus(String(secret.data!.release), status) };
  await api().request('PUT', path, { body: { ...secret, metadata: { ...secret.metadata, labels }, data } });
}

async function installed(project: Project, text: string): Promise<void> {
  await project.flavour({ a: component({ text, big: 12345678901234567890n.toString() }) });
  const { code, stderr } = await project.run(['up']);
  if (code !== 0) throw new Error(stderr);
}

describe('a release that a killed helm left', () => {
  it.concurrent.for([
    ['pending-install', 1],
    ['pending-upgrade', 2],
    ['pending-rollback', 2],
    ['uninstalling', 1],
    ['uninstalling', 2],
  ] as const)(
    '%s in revision %d is repaired, and nothing is deleted',
    async ([status, revision], { project, expect }) => {
      const { namespace } = project;
      await installed(project, 'one');
      if (revision === 2) await installed(project, 'two');
      await leave(namespace, revision, status);
      if (revision === 2 && status !== 'uninstalling') await leave(namespace, 1, 'deployed');
      const before = await treasures(namespace);
      const { metadata } = await get(namespace, 'deployments', 'a');

      const plan = await project.run(['plan', '--output', 'json']);
      expect(plan.json.steps).toMatchObject([{ component: 'a', action: 'repair' }]);
      expect((await project.run(['status', '--output', 'json'])).json.components).toMatchObject([
        { state: 'pending' },
      ]);
      const result = await expectConverges(project, ['a']);
      expect(result.events).toContainEqual(expect.objectContaining({ phase: 'repair', component: 'a' }));
      await expectKept(namespace, before);
      const after = await get(namespace, 'deployments', 'a');
      expect(after.metadata.uid).toBe(metadata.uid);
      // The pods were not taken back to an older version in between.
      expect(after.metadata.generation).toBe(metadata.generation);
    },
  );

  it.concurrent('after a first version that cannot be installed is repaired with a better one', async ({
    project,
  }) => {
    const { namespace } = project;
    await installed(project, 'one');
    await leave(namespace, 1, 'pending-install');
    const path = secretPath(namespace, 1);
    const secret = await api().get<KubeObject>(path);
    const { gunzipSync, gzipSync } = await import('node:zlib');
    const text = gunzipSync(
      Buffer.from(Buffer.from(String(secret.data!.release), 'base64').toString(), 'base64'),
    );
    const broken = text.toString().replaceAll('minReadySeconds: 0', 'minReadySeconds: -1');
    const release = Buffer.from(gzipSync(broken).toString('base64')).toString('base64');
    await api().request('PUT', path, { body: { ...secret, data: { release } } });
    const before = await treasures(namespace);
    await expectConverges(project, ['a']);
    await expectKept(namespace, before);
  });

  it.concurrent('while datamill lives is told as what it is', async ({ project, expect }) => {
    const { namespace } = project;
    await project.flavour({ a: component({ slow: 20 }) });
    const running = start(['up', '-f', 'flavour.yaml', ...clusterFlags()], { cwd: project.folder });
    await eventually(async () =>
      expect((await newestRevisions(namespace)).get('a')?.status).toBe('pending-install'),
    );
    for (const { pid, command } of childrenOf(running.pid))
      if (command.includes('upgrade --install')) process.kill(pid, 'SIGKILL');
    expect(await running.ended, running.stderr()).toBe(1);
    expect(JSON.stringify(running.events)).toContain('helm was killed (SIGKILL)');
    await expectNoTrace(running.pid, namespace);
    expect((await newestRevisions(namespace)).get('a')!.status).toBe('pending-install');
    const before = await treasures(namespace);
    await project.flavour({ a: component({ slow: 0 }) });
    await expectConverges(project, ['a']);
    await expectKept(namespace, before);
  });

  it.concurrent('is taken away by down', async ({ project, expect }) => {
    const { namespace } = project;
    await installed(project, 'one');
    await leave(namespace, 1, 'pending-install');
    const { code, stderr } = await project.run(['down']);
    expect(code, stderr).toBe(0);
    expect((await newestRevisions(namespace)).size).toBe(0);
    expect(await get(namespace, 'deployments', 'a')).toBeUndefined();
  });
});
