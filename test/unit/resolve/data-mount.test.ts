import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { component, resolveFiles } from '../../helpers/workspace.ts';

const flavour = 'project: { flavour: dask, data_folder: data, mount_data: true }\n';

/** Values of the claim that the chart is given. */
function resolved(target: string, project = flavour) {
  const found = resolveFiles({ 'flavour.yaml': `${project}${target}`, 'data/sales/a.csv': 'a\n' });
  const { worker } = component(found, 'dask').values as { worker: { data: object } };
  return { ...found, given: worker.data };
}

describe('a data folder that is to be mounted', () => {
  it('is found on the nodes by what the target shares', () => {
    const { dataMount, given, warnings, file } = resolved('hybrid: { mount: "/:/host" }\n');

    expect(dataMount).toEqual({
      claim: expect.stringMatching(/^datamill-data-[0-9a-f]{8}$/),
      node: join('/host', dirname(file), 'data'),
    });
    expect(given).toEqual({ claimName: dataMount!.claim, path: '/data' });
    expect(warnings).toEqual([]);
  });

  it('has another claim where it is another folder of the nodes', () => {
    const [one, two] = ['/:/host', '/:/elsewhere'].map((mount) =>
      resolved(`hybrid: { mount: "${mount}" }\n`),
    );

    expect(one!.dataMount!.claim).not.toBe(two!.dataMount!.claim);
  });

  it('is there as it is where the node is this machine', () => {
    const { dataMount, file } = resolved('local: { provider: k3s }\n');

    expect(dataMount!.node).toBe(join(dirname(file), 'data'));
  });

  it.each([
    ['a rehearsal shares nothing', 'local: { provider: rehearsal }', /the nodes of a rehearsal target/],
    ['a target does not say what it shares', 'hybrid: {}', /`mount` does not say where/],
    ['it lies elsewhere', 'hybrid: { mount: "/nowhere:/data" }', /is not in \/nowhere, the folder that the/],
    ['a folder only begins alike', 'hybrid: { mount: "/tm:/data" }', /is not in \/tm,/],
  ])('is left out, and that is said, where %s', (_why, target, words) => {
    const { dataMount, given, warnings } = resolved(`${target}\n`);

    expect(dataMount).toBeUndefined();
    expect(given).toEqual({ claimName: '', path: '' });
    expect(warnings).toEqual([
      { message: expect.stringMatching(words), at: expect.objectContaining({ line: 1 }) },
    ]);
  });

  it('is not mounted unasked', () => {
    const { dataMount, given, warnings } = resolved(
      'hybrid: { mount: "/:/" }\n',
      'project: { flavour: dask, data_folder: data }\n',
    );

    expect([dataMount, given, warnings]).toEqual([undefined, { claimName: '', path: '' }, []]);
  });

  it.each(['data', '/data:data', '/data:/a:b'])('refuses what says no two folders: %s', (mount) => {
    expect(() => resolved(`hybrid: { mount: "${mount}" }\n`)).toThrow(/HOST_FOLDER:\/FOLDER_IN_NODE/);
  });

  it('is required by a component that cannot do without', () => {
    const reader = 'components: { reader: { needs: { data: data-folder } } }\n';
    const project = flavour.replace('dask,', 'reader,');

    expect(() => resolveFiles(`${project}${reader}hybrid: {}\n`)).toThrow(
      /reader needs data-folder \("data"\), which nothing in this flavour provides/,
    );
  });
});
