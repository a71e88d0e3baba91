import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe } from 'vitest';
import { kubectl } from '../helpers/cluster.ts';
import { it } from '../helpers/project.ts';

/** A kind of its own for each test, in the versions that are asked for; the last one is stored. */
function definition(group: string, versions: readonly string[], text = 'first') {
  const schema = { type: 'object', description: text, 'x-kubernetes-preserve-unknown-fields': true };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `things.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' },
      versions: versions.map((name, index) => ({
        name,
        served: true,
        storage: index === versions.length - 1,
        schema: { openAPIV3Schema: schema },
      })),
    },
  };
}

const chart = 'apiVersion: v2\nname: operator\nversion: 1.0.0\n';
const configMap = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: "{{ .Release.Name }}" }\n';

describe.concurrent('definitions of a chart', () => {
  it('come before the objects, are upgraded, and stay; objects go with `down`', async ({
    project,
    expect,
  }) => {
    const group = `${randomBytes(4).toString('hex')}.example.org`;
    const thing = { apiVersion: `${group}/v1`, kind: 'Thing', metadata: { name: 'one' }, size: null };
    await project.write('operator/Chart.yaml', chart);
    await project.write('operator/templates/a.yaml', configMap);
    await project.write('operator/crds/thing.yaml', definition(group, ['v1']));
    await project.flavour({ operator: { chart: { path: './operator' }, objects: [thing] } });

    const first = await project.run(['up']);
    expect(first.code, first.stdout + first.stderr).toBe(0);
    expect(await kubectl('get', `things.${group}`, '-n', project.namespace, '-o', 'name')).toContain('one');

    await project.write('operator/crds/thing.yaml', definition(group, ['v1'], 'second'));
    expect((await project.run(['up'])).code).toBe(0);
    expect(await kubectl('get', 'crd', `things.${group}`, '-o', 'yaml')).toContain('description: second');

    // A version in which objects are stored is not taken away.
    await project.write('operator/crds/thing.yaml', definition(group, ['v2']));
    const dropped = await project.run(['up']);
    expect(dropped.code).toBe(1);
    expect(dropped.stdout + dropped.stderr).toContain('would lose the version v1');

    const down = await project.run(['down', '--yes']);
    expect(down.code, down.stdout + down.stderr).toBe(0);
    expect(await kubectl('get', `things.${group}`, '-n', project.namespace, '-o', 'name')).toBe('');
    expect(await kubectl('get', 'crd', `things.${group}`, '-o', 'name')).toContain(group);
    await kubectl('delete', 'crd', `things.${group}`);
  });

  it('of somebody else are used when they are the same, and refused when they differ', async ({
    project,
    expect,
  }) => {
    const group = `${randomBytes(4).toString('hex')}.example.org`;
    const file = join(project.folder, 'theirs.json');
    await writeFile(file, JSON.stringify(definition(group, ['v1'], 'theirs')));
    await kubectl('apply', '-f', file);
    await project.write('operator/Chart.yaml', chart);
    await project.write('operator/templates/a.yaml', configMap);
    await project.write('operator/crds/thing.yaml', definition(group, ['v1'], 'ours'));
    await project.flavour({ operator: { chart: { path: './operator' } } });

    const refused = await project.run(['up']);
    expect(refused.code).toBe(1);
    expect(refused.stdout + refused.stderr).toContain('made by somebody else, and differs');
    expect(await kubectl('get', 'crd', `things.${group}`, '-o', 'yaml')).toContain('description: theirs');

    expect((await project.run(['up', '--adopt'])).code).toBe(0);
    expect(await kubectl('get', 'crd', `things.${group}`, '-o', 'yaml')).toContain('description: ours');
    await kubectl('delete', 'crd', `things.${group}`);
  });
});
