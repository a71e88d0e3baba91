import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, inject } from 'vitest';
import { packageRoot } from '../../src/util/paths.ts';
import { type CliResult, run } from '../helpers/cli.ts';
import { clusterFlags, deleteNamespace, kubectl, versions } from '../helpers/cluster.ts';
import { eventually } from '../helpers/eventually.ts';
import { it } from '../helpers/project.ts';
import { state } from '../testbed/layout.ts';

const { missing } = inject('testbed');
const flavour = join(packageRoot, 'flavours', 'default.yaml');
const namespace = `e2e-${process.pid}`;

function datamill(verb: string, ...more: string[]): Promise<CliResult> {
  return run([verb, '-f', flavour, '-n', namespace, ...clusterFlags(), ...more]);
}

/** What a shell command prints in the first container of a deployment's pod. */
function inside(deployment: string, ...command: string[]): Promise<string> {
  return kubectl('exec', '-n', namespace, `deployment/${deployment}`, '--', ...command);
}

describe.skipIf(missing.length > 0)('the default flavour, on real pods', () => {
  afterAll(() => deleteNamespace(namespace));

  it('comes up, with every container ready and every check passed', async ({ expect }) => {
    const up = await datamill('up', '--output', 'json');
    expect(up.code, up.stdout + up.stderr).toBe(0);
    expect(up.events.at(-1)).toMatchObject({
      result: 'ok',
      simulated: false,
      installed: 3,
      checks: { passed: 3, failed: 0, skipped: 0 },
    });
    const last = (phase: string, state: string) =>
      Math.max(
        ...up.events
          .filter((event) => event.phase === phase && event.state === state)
          .map(({ time }) => Date.parse(time)),
      );
    const added = (last('check', 'done') - last('install', 'done')) / 1000;
    process.stderr.write(`[e2e] up took ${up.seconds.toFixed(1)} s, of which checks ${added.toFixed(1)} s\n`);
    expect(added).toBeLessThan(20);
    const { items } = JSON.parse(await kubectl('get', 'pods', '-n', namespace, '-o', 'json'));
    const images: string[] = [];
    for (const { metadata, status } of items) {
      expect(status.phase, metadata.name).toBe('Running');
      for (const container of status.containerStatuses) {
        expect(container, metadata.name).toMatchObject({ ready: true, restartCount: 0 });
        expect(container.containerID).toMatch(/^containerd:\/\//);
        images.push(container.image);
      }
    }
    expect(images.sort()).toEqual([
      'docker.io/burakince/mlflow:3.15.1',
      'ghcr.io/dask/dask:2025.11.0',
      'ghcr.io/dask/dask:2025.11.0',
      'ghcr.io/dask/dask:2025.11.0',
      'quay.io/minio/minio:RELEASE.2025-09-07T16-13-09Z',
    ]);
  });

  it('has made the buckets of mlflow and of the examples in MinIO', async ({ expect }) => {
    const list = `import boto3, os
s3 = boto3.client("s3", endpoint_url=os.environ["MLFLOW_S3_ENDPOINT_URL"])
print([bucket["Name"] for bucket in s3.list_buckets()["Buckets"]])`;
    expect((await inside('mlflow', 'python', '-c', list)).trim()).toBe("['examples', 'mlflow']");
  });

  it('changes nothing when it comes up again', async ({ expect }) => {
    const before = await versions(namespace);
    const up = await datamill('up');
    expect(up.code, up.stdout + up.stderr).toBe(0);
    expect(up.stdout).toMatch(/3 unchanged; checks: none to make/);
    expect(await versions(namespace)).toEqual(before);
  });

  it('passes its checks when asked, none skipped', async ({ expect }) => {
    const check = await datamill('check', '--output', 'json');
    expect(check.code, check.stdout + check.stderr).toBe(0);
    const results: Record<string, { name: string; result: string; seconds: number; message: string }> =
      Object.fromEntries(check.json.checks.map((one: { component: string }) => [one.component, one]));
    expect(results).toMatchObject({
      minio: { name: 's3', result: 'passed', message: expect.stringMatching(/^5 MiB .* came back the same/) },
      dask: {
        name: 'task',
        result: 'passed',
        message: expect.stringMatching(/1000 squares summed to \d+ on 2 worker/),
      },
      mlflow: { name: 'run', result: 'passed', message: expect.stringMatching(/found in s3:\/\/mlflow\//) },
    });
    // A busy machine takes longer; how long it took is told, not judged.
    process.stderr.write(`[e2e] check took ${check.seconds.toFixed(1)} s\n`);
  });

  it('says within 30 s why an image cannot be had', async ({ project, expect }) => {
    const wrong = ['-n', project.namespace, '-c', 'dask', '--set', 'dask.tag=no-such-tag'];
    const up = await run(['up', '-f', flavour, ...clusterFlags(), ...wrong]);
    expect(up.code, up.stdout + up.stderr).toBe(1);
    expect(up.seconds).toBeLessThan(30);
    expect(up.stdout + up.stderr).toMatch(/ghcr\.io\/dask\/dask:no-such-tag/);
    expect(up.stdout + up.stderr).toMatch(/ErrImagePull|ImagePullBackOff|cannot be pulled|pull/);
  });

  it('leaves nothing after down --delete-data', async ({ expect }) => {
    const down = await datamill('down', '--delete-data', '--yes');
    expect(down.code, down.stdout + down.stderr).toBe(0);
    await eventually(async () => {
      expect(JSON.parse(await kubectl('get', 'namespaces', '-o', 'json')).items).not.toContainEqual(
        expect.objectContaining({ metadata: expect.objectContaining({ name: namespace }) }),
      );
      const volumes = JSON.parse(await kubectl('get', 'persistentvolumes', '-o', 'json')).items;
      expect(volumes.filter((volume: Volume) => volume.spec.claimRef.namespace === namespace)).toEqual([]);
      expect(readdirSync(state('volumes')).filter((folder) => folder.includes(namespace))).toEqual([]);
    }, 60);
  });
});

interface Volume {
  spec: { claimRef: { namespace: string } };
}
