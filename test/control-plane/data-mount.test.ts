import { join } from 'node:path';
import { describe, inject } from 'vitest';
import { run as cli } from '../helpers/cli.ts';
import { get, kubectl } from '../helpers/cluster.ts';
import { eventually } from '../helpers/eventually.ts';
import { it, type Project } from '../helpers/project.ts';

const labels = { app: 'reader' };
const claimName = '{{needs.data.claim}}';
/** A component of the user's own: it needs the folder, whatever its path on the nodes is. */
const reader = {
  needs: { data: 'data-folder' },
  objects: [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'reader' },
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            containers: [
              {
                name: 'reader',
                image: 'registry.example/reader:1',
                volumeMounts: [{ name: 'data', mountPath: '{{needs.data.path}}', readOnly: true }],
              },
            ],
            volumes: [{ name: 'data', persistentVolumeClaim: { claimName, readOnly: true } }],
          },
        },
      },
    },
  ],
};

async function write(project: Project, mount: string): Promise<void> {
  const { kubeconfig: config, context } = inject('rehearsal');
  await project.write('data/sales/a.csv', 'a\n');
  await project.flavour(
    { reader },
    { project: { data_folder: 'data', mount_data: true }, hybrid: { config, context, mount } },
  );
}

function hybrid(project: Project, [verb = '', ...args]: string[]) {
  return cli([verb, '-f', 'flavour.yaml', '--hybrid', ...args], { cwd: project.folder });
}

async function volumesOf({ namespace }: Project) {
  const { items } = JSON.parse(await kubectl('get', 'persistentvolumes', '-o', 'json'));
  return (items as Array<{ metadata: { name: string }; spec: Record<string, unknown> }>).filter(
    ({ spec }) => (spec.claimRef as { namespace?: string } | undefined)?.namespace === namespace,
  );
}

describe.concurrent('a data folder that the nodes see', () => {
  it('is mounted read-only through a claim, which goes with the platform', async ({ project, expect }) => {
    await write(project, '/:/host');
    const run = (...args: string[]) => hybrid(project, args);
    const up = await run('up', '--no-data');
    expect(up.code, up.stdout + up.stderr).toBe(0);

    const [volume, ...others] = await volumesOf(project);
    expect(others).toEqual([]);
    expect(volume!.spec).toMatchObject({
      accessModes: ['ReadOnlyMany'],
      hostPath: { path: join('/host', project.folder, 'data'), type: 'Directory' },
      persistentVolumeReclaimPolicy: 'Retain',
    });
    const { name } = volume!.spec.claimRef as { name: string };
    expect(await get(project.namespace, 'persistentvolumeclaims', name)).toMatchObject({
      status: { phase: 'Bound' },
    });
    expect((await run('up', '--no-data')).stdout).toContain('1 unchanged');

    await write(project, '/:/elsewhere');
    const moved = await run('up', '--no-data');
    expect(moved.code, moved.stdout + moved.stderr).toBe(0);
    await eventually(async () => {
      const now = await volumesOf(project);
      expect(now.map(({ spec }) => spec.hostPath)).toEqual([
        { path: join('/elsewhere', project.folder, 'data'), type: 'Directory' },
      ]);
    });

    const down = await run('down', '--yes');
    expect(down.code, down.stdout + down.stderr).toBe(0);
    await eventually(async () => expect(await volumesOf(project)).toEqual([]));

    // What is left of the last time is in nobody's way.
    const again = await run('up', '--no-data');
    expect(again.code, again.stdout + again.stderr).toBe(0);
    const end = await run('down', '--yes');
    expect(end.code, end.stdout + end.stderr).toBe(0);
  });

  it('is refused by name where they do not', async ({ project, expect }) => {
    await write(project, '/nowhere:/host');

    const up = await hybrid(project, ['up', '--no-data']);

    expect(up.code).toBe(2);
    expect(up.stderr).toMatch(/reader needs data-folder/);
  });
});
