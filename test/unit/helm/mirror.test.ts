import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ChartStore } from '../../../src/helm/charts.ts';
import { exec } from '../../../src/util/exec.ts';
import { workspace } from '../../helpers/workspace.ts';

/** A packaged chart, as tar and gzip make it, under a name of the file that says nothing. */
async function archive(folder: string, name: string, version: string, file: string): Promise<void> {
  const work = workspace({
    [`${name}/Chart.yaml`]: `apiVersion: v2\nname: ${name}\nversion: ${version}\n`,
    [`${name}/crds/kind.yaml`]: 'kind: CustomResourceDefinition\n',
  });
  expect((await exec('tar', ['-czf', 'out.tgz', name], { cwd: work })).exitCode).toBe(0);
  renameSync(join(work, 'out.tgz'), join(folder, file));
}

const store = (mirror: string) =>
  new ChartStore({ mirror, helm: () => Promise.reject(new Error('helm was asked for a chart')) });
const repo = { repo: 'https://charts.example.org', name: 'app', version: '1.2.3' };

describe('a folder of charts', () => {
  it('stands in for repositories, registries and git, by what is in the archives', async () => {
    const folder = workspace({ 'charts/keep': '' });
    await archive(folder, 'app', '1.2.3', 'some.tgz');
    await archive(join(folder, 'charts'), 'other', '2.0.0', 'b.tgz');
    const charts = store(folder);

    expect(await charts.prepare(repo)).toMatchObject({ name: 'app', version: '1.2.3', hasCrds: true });
    expect(await charts.prepare({ oci: 'oci://r.example.org/charts/other', version: '2.0.0' })).toMatchObject(
      {
        name: 'other',
      },
    );
    expect(
      await charts.prepare({ git: 'https://git.example.org/x.git', ref: 'v9', path: 'charts/other' }),
    ).toMatchObject({ name: 'other', version: '2.0.0' });
  });

  it('says what it has instead of what is asked for', async () => {
    const folder = workspace();
    await archive(folder, 'app', '1.0.0', 'app-9.9.9.tgz');

    await expect(store(folder).prepare(repo)).rejects.toMatchObject({
      code: 'CHART_UNAVAILABLE',
      message: expect.stringContaining('does not hold the chart app 1.2.3'),
      hint: expect.stringContaining('it holds 1.0.0'),
    });
    await expect(store(join(folder, 'nowhere')).prepare(repo)).rejects.toMatchObject({
      code: 'MIRROR_MISSING',
    });
  });

  it('is checked against the digest that is pinned', async () => {
    const folder = workspace();
    await archive(folder, 'app', '1.2.3', 'app.tgz');

    await expect(
      store(folder).prepare({ ...repo, digest: `sha256:${'0'.repeat(64)}` }),
    ).rejects.toMatchObject({ code: 'CHART_DIGEST' });
  });

  it('refuses what is no chart', async () => {
    const folder = workspace();
    writeFileSync(join(folder, 'broken.tgz'), 'not an archive');

    await expect(store(folder).prepare(repo)).rejects.toMatchObject({ code: 'CHART_INVALID', exitCode: 2 });
  });
});
