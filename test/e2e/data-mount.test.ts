import { existsSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { run } from '../helpers/cli.ts';
import { kubectl } from '../helpers/cluster.ts';
import { eventually } from '../helpers/eventually.ts';
import { makeProject, type Project } from '../helpers/project.ts';

const here = inject('testbed').missing.length === 0;
let project: Project & { remove(): Promise<void> };

const datamill = (verb: string, ...args: string[]) =>
  run([verb, '-f', 'flavour.yaml', ...args], { cwd: project.folder });

/** Runs a command in the worker, and gives what it wrote and whether it failed. */
async function inWorker(...command: string[]): Promise<string> {
  const args = ['exec', '-n', project.namespace, 'deploy/dask-worker', '--', ...command];
  return await kubectl(...args).catch((error: Error) => `failed: ${error.message}`);
}

describe.skipIf(!here)('the data folder in a pod', () => {
  beforeAll(async () => {
    project = await makeProject();
    const { kubeconfig: config, context } = inject('rehearsal');
    await project.write('data/sales/a b.csv', 'id,price\n1,20\n');
    // The folder of a test is for its owner only, and pods have another user.
    for (const folder of [project.folder, `${project.folder}/data`]) await chmod(folder, 0o755);
    await project.flavour(
      {},
      {
        project: { flavour: 'dask', data_folder: 'data', mount_data: true },
        hybrid: { config, context, mount: `${dirname(project.folder)}:${dirname(project.folder)}` },
        dask: { workers: 1 },
      },
    );
  });
  afterAll(() => project?.remove());

  it('is read, and cannot be written to', async () => {
    const up = await datamill('up', '--output', 'json');
    expect(up.code, up.stdout + up.stderr).toBe(0);

    expect(await inWorker('cat', '/data/sales/a b.csv')).toBe('id,price\n1,20\n');
    expect(await inWorker('touch', '/data/sales/new')).toMatch(/Read-only file system/);
    // What is added here is there at once.
    await project.write('data/sales/later.csv', 'x\n');
    expect(await inWorker('cat', '/data/sales/later.csv')).toBe('x\n');
    expect((await datamill('up', '--output', 'json')).events.at(-1)).toMatchObject({ unchanged: 1 });
  });

  it('goes with the platform, and what is in it stays', async () => {
    const down = await datamill('down', '--yes', '--delete-data');
    expect(down.code, down.stdout + down.stderr).toBe(0);
    // The volume waits for its claim, and that for the last pod.
    await eventually(async () => {
      const path = '{.items[*].spec.claimRef.namespace}';
      const volumes = await kubectl('get', 'persistentvolumes', '-o', `jsonpath=${path}`);
      expect(volumes.split(' ')).not.toContain(project.namespace);
    });
    expect(existsSync(join(project.folder, 'data', 'sales', 'a b.csv'))).toBe(true);
  });
});
