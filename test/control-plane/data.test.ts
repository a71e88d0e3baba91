import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { run } from '../helpers/cli.ts';
import { clusterFlags, kubectl } from '../helpers/cluster.ts';
import { app, it, type Project, rehearsalTarget } from '../helpers/project.ts';
import { TinyStore } from '../helpers/tiny-store.ts';

const secret = { name: 'store', accessKey: 'id', secretKey: 'key' };
/** Says that it is a store; the pods of a rehearsal are none. */
const simulated = app({
  provides: { s3: { endpoint: 'http://store.x.svc:9000', host: 'store.x.svc', port: 9000, secret } },
});

/** `project.run` puts the flavour behind the first word, which is only one of the two here. */
function datamill({ folder }: Project, ...args: string[]) {
  return run([...args, '-f', 'flavour.yaml', ...clusterFlags()], { cwd: folder });
}

describe('data', () => {
  let tiny: TinyStore;
  beforeAll(async () => {
    tiny = await TinyStore.open();
  });
  afterAll(() => tiny.close());

  /** A flavour with a store outside the cluster, its Secret, and a file. */
  async function outside(project: Project, bucket: string): Promise<void> {
    await project.write(`lake/${bucket}/a.csv`, 'a');
    await kubectl('create', 'namespace', project.namespace);
    const keys = ['--from-literal=id=user', '--from-literal=key=password'];
    await kubectl('create', 'secret', 'generic', 'store', '-n', project.namespace, ...keys);
    const s3 = { endpoint: tiny.endpoint, secret };
    await project.flavour({ web: app() }, { project: { data_folder: 'lake' }, external: { s3 } });
  }

  it('goes to a store outside the cluster, as a phase of up too', async ({ project, expect }) => {
    await outside(project, 'from-up');
    const up = await project.run(['up', '--output', 'json']);
    expect(up.code, up.stdout + up.stderr).toBe(0);
    expect(up.events.filter(({ phase }) => phase === 'data').at(-1)).toMatchObject({
      state: 'done',
      message: '1 files sent, 1 bytes',
    });
    expect(tiny.text('from-up', 'a.csv')).toBe('a');

    const push = await datamill(project, 'data', 'push');
    expect(push.code, push.stderr).toBe(0);
    expect(push.stdout).toMatch(/nothing to do/);
  });

  it('is refused where the store is simulated, and skipped by name in up', async ({ project, expect }) => {
    await project.write('lake/bucket/a.csv', 'a');
    await project.flavour({ store: simulated }, { project: { data_folder: 'lake' } });
    const { flags, env } = await rehearsalTarget(project);
    const rehearse = (...args: string[]) =>
      run([...args, '-f', 'flavour.yaml', ...flags], { cwd: project.folder, env });
    const push = await rehearse('data', 'push');
    expect(push).toMatchObject({ code: 3, stderr: expect.stringMatching(/SIMULATED.*store is simulated/) });
    const up = await rehearse('up', '--output', 'json');
    expect(up.events.filter(({ phase }) => phase === 'data')).toMatchObject([
      { state: 'skipped', message: 'lake: pods are simulated' },
    ]);
  });

  it('is refused with a reason before anything is sent', async ({ project, expect }) => {
    await outside(project, 'fine');
    mkdirSync(join(project.folder, 'lake', 'Not_Fine'));
    expect(await datamill(project, 'data', 'push')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/BUCKET_NAME.*"Not_Fine".*capital letters.*rename the folder/s),
    });
    expect(await datamill(project, 'data', 'push', '--bucket', 'absent')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/NO_SUCH_FOLDER.*there are Not_Fine, fine/s),
    });
    expect(await datamill(project, 'data', 'push', '--set', 'project.data_folder=nowhere')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/NO_DATA_FOLDER.*nowhere is not there/),
    });
    await project.flavour({ web: app() }, { project: { data_folder: 'lake' } });
    expect(await datamill(project, 'data', 'push', '--bucket', 'fine')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/NO_STORE.*external/s),
    });
    expect(tiny.seen.filter((request) => request.includes('ine'))).toEqual([]);
  });

  it('says which Secret it lacks', async ({ project, expect }) => {
    await outside(project, 'no-keys');
    await kubectl('delete', 'secret', 'store', '-n', project.namespace);
    expect(await datamill(project, 'data', 'ls')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/STORE_SECRET.*store with the keys of the object store is not there/),
    });
  });
});
