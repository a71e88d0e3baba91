import { join } from 'node:path';
import { afterAll, describe, inject } from 'vitest';
import { packageRoot } from '../../src/util/paths.ts';
import { type CliResult, run } from '../helpers/cli.ts';
import { clusterFlags, deleteNamespace } from '../helpers/cluster.ts';
import { app, it } from '../helpers/project.ts';

const { missing } = inject('testbed');
const flavour = join(packageRoot, 'flavours', 'default.yaml');
const namespace = `e2e-doctor-${process.pid}`;

function doctor(...more: string[]): Promise<CliResult> {
  return run(['doctor', '-f', flavour, '-n', namespace, ...clusterFlags(), ...more]);
}

describe.skipIf(missing.length > 0)('datamill doctor, on a real node', () => {
  afterAll(() => deleteNamespace(namespace));

  it('finds that all is well', async ({ expect }) => {
    const found = await doctor('--output', 'json');
    expect(found.code, found.stdout + found.stderr).toBe(0);
    const groups = found.json.groups as Array<{
      name: string;
      findings: Array<{ state: string; what: string }>;
    }>;
    // How fast a busy machine answers is not for this test to say.
    for (const { name, findings } of groups)
      for (const { state, what } of findings.filter((one) => !one.what.startsWith('answers in')))
        expect(`${name}: ${state}`, what).toBe(`${name}: ok`);
    const names = groups.map(({ name }) => name);
    for (const name of ['tools', 'kubeconfig', 'cluster', 'rights', 'storage', 'capacity', 'releases'])
      expect(names).toContain(name);
  });

  it('says by how much a flavour is too large for the node, before anything is touched', async ({
    expect,
  }) => {
    const resources = 'dask.worker_resources={requests: {cpu: 300}}';
    const up = await run(['up', '-f', flavour, '-n', namespace, ...clusterFlags(), '--set', resources]);
    expect(up.code, up.stdout + up.stderr).toBe(3);
    expect(up.stderr).toMatch(
      /dask: a pod of Deployment\/dask-worker needs 300 CPU, the largest node has \d+/,
    );
    expect((await doctor('--output', 'json')).json.installed).toBe(false);
  });
});

describe.skipIf(missing.length > 0)('an image that cannot be had, on a real node', () => {
  it('is reported with its reason within 30 s', async ({ project, expect }) => {
    await project.flavour({ wrong: app({ values: { image: 'registry.invalid/no-such-image:1' } }) });
    const up = await project.run(['up']);
    expect(up.code, up.stdout + up.stderr).toBe(1);
    expect(up.stdout).toMatch(
      /Pod\/wrong-\S+ \(app\) +(ErrImagePull|ImagePullBackOff) .*registry\.invalid\/no-such-image:1/,
    );
    expect(up.seconds, up.stdout).toBeLessThan(30);
  });
});
