import { describe } from 'vitest';
import { applyObjects, get, helm, kubectl } from '../helpers/cluster.ts';
import { eventually } from '../helpers/eventually.ts';
import { app, it } from '../helpers/project.ts';

const secrets = { '{{release}}-auth': { password: { generate: 32 }, user: { value: 'me' } } };

function chain() {
  return {
    base: app({ provides: { base: {} }, secrets, values: { storage: { size: '1Gi' } } }),
    mid: app({ needs: { base: 'base' }, provides: { mid: {} } }),
    top: app({ needs: { mid: 'mid' }, after: ['base'] }),
  };
}

describe.concurrent('down', () => {
  it('goes in reverse order, names the data that stays, and up finds it again', async ({
    project,
    expect,
  }) => {
    const { namespace } = project;
    await project.flavour(chain());
    expect((await project.run(['up'])).code).toBe(0);
    const secret = await get(namespace, 'secrets', 'base-auth');
    const claim = await get(namespace, 'persistentvolumeclaims', 'base-data');
    expect(Buffer.from(secret.data.password, 'base64').toString()).toMatch(/^[A-Za-z0-9]{32}$/);

    const text = await project.run(['down']);
    expect(text.code, text.stderr).toBe(0);
    expect(text.stdout).toContain(`Volumes kept: ${namespace}/base-data`);
    expect(text.stdout).toContain(`Secrets kept: ${namespace}/base-auth`);
    expect(JSON.parse(await helm('list', '-n', namespace, '-o', 'json'))).toEqual([]);
    for (const name of ['base', 'mid', 'top']) {
      expect(await get(namespace, 'deployments', name)).toBeUndefined();
      expect(await get(namespace, 'configmaps', `datamill-${name}`)).toBeUndefined();
    }
    const nothing = await project.run(['down']);
    expect(nothing.code).toBe(0);
    expect(nothing.stdout).toContain('Nothing of this flavour is installed');
    expect(nothing.stdout).toContain(`Volumes kept: ${namespace}/base-data`);

    expect((await project.run(['up'])).code).toBe(0);
    expect((await get(namespace, 'secrets', 'base-auth')).data).toEqual(secret.data);
    expect((await get(namespace, 'persistentvolumeclaims', 'base-data')).metadata.uid).toBe(
      claim.metadata.uid,
    );

    const json = await project.run(['down', '--output', 'json']);
    const order = json.events.filter(({ state }) => state === 'done').map(({ component }) => component);
    expect(order).toEqual(['top', 'mid', 'base']);
    expect(json.events.at(-1)).toMatchObject({
      type: 'summary',
      result: 'ok',
      removed: 3,
      failed: 0,
      data: {
        deleted: false,
        volumes: [`${namespace}/base-data`],
        secrets: [`${namespace}/base-auth`],
        namespaceDeleted: false,
      },
    });

    const late = await project.run(['down', '--delete-data', '--yes']);
    expect(late.stdout).toContain(`Volumes deleted: ${namespace}/base-data`);
    expect(late.stdout).toContain(`Secrets deleted: ${namespace}/base-auth`);
  });

  it('removes what the flavour has forgotten, too', async ({ project, expect }) => {
    await project.flavour(chain());
    expect((await project.run(['up'])).code).toBe(0);
    await project.flavour({ api: app() });
    const { events } = await project.run(['down', '--output', 'json']);
    const order = events.filter(({ state }) => state === 'done').map(({ component }) => component);
    expect(order).toEqual(['top', 'mid', 'base']);
  });

  it('--delete-data takes volumes, secrets and the namespace, after a yes', async ({ project, expect }) => {
    const { namespace } = project;
    await project.flavour(chain());
    expect((await project.run(['up'])).code).toBe(0);
    const unasked = await project.run(['down', '--delete-data']);
    expect(unasked.code).toBe(2);
    expect(unasked.stderr).toContain('nothing was deleted');
    expect(await get(namespace, 'deployments', 'top')).toBeDefined();
    const down = await project.run(['down', '--delete-data', '--yes']);
    expect(down.code, down.stderr).toBe(0);
    expect(down.stdout).toContain(`Volumes deleted: ${namespace}/base-data`);
    expect(down.stdout).toContain(`Namespace ${namespace} deleted.`);
    await eventually(() => expect(kubectl('get', 'namespace', namespace)).rejects.toThrow(/not found/), 40);
  });

  it('--delete-data leaves a namespace that is not ours, or holds what is not ours', async ({
    project,
    expect,
  }) => {
    const { namespace } = project;
    const theirs = project.another();
    const settings = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'theirs', namespace } };
    await applyObjects({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: theirs } });
    await project.flavour(chain());
    expect((await project.run(['up'])).code).toBe(0);
    expect((await project.run(['up', '-n', theirs])).code).toBe(0);
    await applyObjects(settings);
    const held = await project.run(['down', '--delete-data', '--yes']);
    expect(held.code, held.stderr).toBe(0);
    expect(held.stdout).toContain(
      `Namespace ${namespace} kept: it holds ConfigMap/theirs, not made by this project.`,
    );
    const before = await project.run(['down', '--delete-data', '--yes', '-n', theirs]);
    expect(before.stdout).toContain(`Namespace ${theirs} kept: it was there before data-mill.`);
    for (const name of [namespace, theirs]) {
      expect(await get(name, 'secrets', 'base-auth')).toBeUndefined();
      const claim = await get(name, 'persistentvolumeclaims', 'base-data');
      expect(claim === undefined || claim.metadata.deletionTimestamp !== undefined).toBe(true);
    }
    expect(await get(namespace, 'configmaps', 'theirs')).toBeDefined();
  });

  it('refuses what would break what stays', async ({ project, expect }) => {
    await project.flavour(chain());
    expect((await project.run(['up'])).code).toBe(0);
    const data = await project.run(['down', '-c', 'top', '--delete-data', '--yes', '--output', 'json']);
    expect(data.code).toBe(3);
    expect(JSON.parse(data.stderr).error.code).toBe('DELETE_DATA');
    const needed = await project.run(['down', '-c', 'mid', '--output', 'json']);
    expect(needed.code).toBe(3);
    expect(JSON.parse(needed.stderr).error).toMatchObject({
      code: 'STILL_NEEDED',
      message: 'mid cannot be removed: top still needs it',
      hint: expect.stringContaining('-c top'),
    });
    expect(await get(project.namespace, 'deployments', 'top')).toBeDefined();
    const both = await project.run(['down', '-c', 'mid', '-c', 'top', '--output', 'json']);
    expect(both.events.at(-1)).toMatchObject({ removed: 2 });
    expect(await get(project.namespace, 'deployments', 'mid')).toBeUndefined();
    expect(await get(project.namespace, 'deployments', 'base')).toBeDefined();
  });
});
