import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ResolveOptions, resolve } from '../../../src/resolve/resolve.ts';
import type { Resolved } from '../../../src/resolve/types.ts';
import { component, failure, inline, resolveFiles, workspace } from '../../helpers/workspace.ts';

const names = ({ components }: Resolved) => components.map(({ name }) => name);
const provider = (resolved: Resolved, name: string, need: string) =>
  component(resolved, name).needs[need]?.provider;

describe('the selection', () => {
  it.each([
    ['minio, dask', ['minio', 'dask']],
    ['[minio, dask]', ['minio', 'dask']],
    ['"minio dask,,minio"', ['minio', 'dask']],
    ['mlflow, minio', ['minio', 'mlflow']],
  ])('reads %s', (flavour, expected) => {
    const text = flavour.startsWith('[') || flavour.startsWith('"') ? flavour : `"${flavour}"`;

    expect(names(resolveFiles(`project: { flavour: ${text} }\n`))).toEqual(expected);
  });

  it('"all" is every component whose needs can be met, in graph order', () => {
    const resolved = resolveFiles(
      inline(
        {
          zzz: 'provides: { y: {} }',
          aaa: 'needs: { x: y }',
          lost: 'needs: { x: nobody }',
          far: 'needs: { l: lost }',
        },
        'project: { flavour: all }\n',
      ),
    );

    expect(names(resolved)).toEqual(expect.arrayContaining(['minio', 'mlflow', 'dask', 'zzz', 'aaa']));
    expect(names(resolved)).not.toContain('lost');
    expect(names(resolved).indexOf('zzz')).toBeLessThan(names(resolved).indexOf('aaa'));
    expect(names(resolved).indexOf('minio')).toBeLessThan(names(resolved).indexOf('mlflow'));
  });

  it('"all" takes the default one of several providers, or the one that is chosen', () => {
    const parts = {
      one: 'provides: { y: {} }',
      two: 'provides: { y: {} }, default: true',
      user: 'needs: { x: y }',
    };
    const all = resolveFiles(inline(parts, 'project: { flavour: all }\n'));
    const chosen = resolveFiles(inline(parts, 'project: { flavour: all, providers: { y: one } }\n'));

    expect(names(all)).not.toContain('one');
    expect(provider(all, 'user', 'x')).toBe('two');
    expect(names(chosen)).not.toContain('two');
    expect(provider(chosen, 'user', 'x')).toBe('one');
  });

  it('"all" counts what is outside the cluster', () => {
    const flavour = inline(
      { user: 'needs: { x: y }' },
      'project: { flavour: all }\nexternal: { y: { a: 1 } }\n',
    );

    expect(provider(resolveFiles(flavour), 'user', 'x')).toBe('external');
  });

  const pick = (options: ResolveOptions) =>
    names(resolveFiles('project: { flavour: "minio, dask, mlflow" }\n', options));

  it('-c takes a component with what it needs, --only without', () => {
    expect(pick({ components: ['mlflow'] })).toEqual(['minio', 'mlflow']);
    expect(pick({ components: ['mlflow'], only: true })).toEqual(['mlflow']);
    expect(pick({ components: ['dask', 'minio'] })).toEqual(['minio', 'dask']);
    expect(failure(() => pick({ components: ['dsak'] })).hint).toContain('"dask"');
    expect(failure(() => pick({ components: ['kubeflow'] })).hint).toMatch(/planned/);
  });

  it('-c takes a component that the flavour does not list, with the default providers of its needs', () => {
    const files = 'project: { flavour: dask }\nmlflow: { release: tracking }\n';

    expect(names(resolveFiles(files, { components: ['mlflow'] }))).toEqual(['minio', 'mlflow']);
    expect(names(resolveFiles(files, { components: ['mlflow'], only: true }))).toEqual(['mlflow']);
    expect(component(resolveFiles(files, { components: ['mlflow'] }), 'mlflow').release).toBe('tracking');
  });
});

describe('needs', () => {
  it('are met by the one that provides, in the namespace where it is', () => {
    const resolved = resolveFiles(
      'project: { flavour: "mlflow, minio", k8s_namespace: lab }\nminio: { namespace: stores, release: lake }\n',
    );
    const { needs, copies, dependsOn } = component(resolved, 'mlflow');

    expect(needs.artifacts).toMatchObject({ provider: 'minio', namespace: 'stores', capability: 's3' });
    expect(needs.artifacts?.fields.endpoint).toBe('http://lake.stores.svc:9000');
    expect(copies).toEqual([{ name: 'lake', from: 'stores' }]);
    expect(needs.db).toBeNull();
    expect(dependsOn).toEqual(['minio']);
  });

  const two = {
    one: 'provides: { y: { v: 1 } }',
    two: 'provides: { y: { v: 2 } }',
    user: 'needs: { x: y }',
  };

  it('are chosen by the consumer, then by the project', () => {
    const project = 'project: { providers: { y: one } }\n';

    expect(provider(resolveFiles(inline(two, project)), 'user', 'x')).toBe('one');
    expect(provider(resolveFiles(inline(two, `${project}user: { needs: { x: two } }\n`)), 'user', 'x')).toBe(
      'two',
    );
  });

  it('that are optional are left open, or taken when there is one', () => {
    const user = 'needs: { x: { capability: y, optional: true } }';

    expect(provider(resolveFiles(inline({ user })), 'user', 'x')).toBeUndefined();
    expect(provider(resolveFiles(inline({ user, one: two.one })), 'user', 'x')).toBe('one');
  });

  it('can be met from outside the cluster', () => {
    const resolved = resolveFiles(
      'project: { flavour: mlflow }\nexternal: { s3: { endpoint: "https://s3.example.org", secret: { name: keys, accessKey: a, secretKey: b } } }\n',
    );

    expect(component(resolved, 'mlflow').needs.artifacts).toMatchObject({
      provider: 'external',
      fields: { host: 's3.example.org', port: 443, secure: true, region: null },
    });
  });

  it('from outside must name the keys of their secret', () => {
    const flavour =
      'project: { flavour: mlflow }\nexternal: { s3: { endpoint: "http://h", secret: { name: keys } } }\n';

    expect(failure(() => resolveFiles(flavour)).message).toBe(
      'external.s3 lacks secret.accessKey, secret.secretKey',
    );
  });

  it('may have any name', () => {
    const flavour = inline({
      constructor: 'provides: { toString: { a: 1 } }',
      user: 'needs: { x: toString, hasOwnProperty: { capability: valueOf, optional: true } }',
    });
    const resolved = resolveFiles(flavour);

    expect(component(resolved, 'user').needs).toMatchObject({
      x: { provider: 'constructor' },
      hasOwnProperty: null,
    });
  });

  it('name the components that could meet them', () => {
    const error = failure(() => resolveFiles(inline({ user: 'needs: { store: s3 }' })));

    expect(error.message).toMatch(/user needs s3 \("store"\)/);
    expect(error.hint).toMatch(
      /add one of minio, seaweedfs to project\.flavour, or declare it under `external: \{ s3/,
    );
    expect(failure(() => resolveFiles(inline({ user: 'needs: { x: nothing }' }))).hint).toMatch(
      /no component/,
    );
  });

  it('order with `after` only when both are there', () => {
    expect(names(resolveFiles(inline({ b: 'after: [a]', a: '' })))).toEqual(['a', 'b']);
    expect(names(resolveFiles(inline({ b: 'after: [a]' })))).toEqual(['b']);
  });

  it('must be given in full', () => {
    const error = failure(() => resolveFiles(inline({ lake: 'provides: { s3: { endpoint: e } }' })));

    expect(error).toMatchObject({ code: 'INCOMPLETE_CAPABILITY', exitCode: 2 });
    expect(error.message).toContain('lake provides s3 without host, port');
  });
});

describe('components of users', () => {
  const files = {
    'components/mine/component.yaml': 'name: mine\nchart: { path: chart }\n',
    'components/mine/chart/Chart.yaml': 'name: x\n',
    'elsewhere/other/component.yaml': 'name: other\n',
  };

  it('come from beside the flavour, from components_folder, and from the flavour', () => {
    const flavour =
      'project: { flavour: "mine, other", components_folder: elsewhere }\ncomponents: { inline: {} }\n';

    expect(names(resolveFiles({ ...files, 'flavour.yaml': flavour }))).toEqual(['mine', 'other', 'inline']);
  });

  it('can replace a packaged one', () => {
    const flavour = 'project: { flavour: minio }\ncomponents: { minio: { summary: mine } }\n';

    expect(component(resolveFiles(flavour), 'minio').spec.summary).toBe('mine');
  });

  it('must be called as their folder is', () => {
    const wrong = { ...files, 'components/mine/component.yaml': 'name: yours\n' };
    const error = failure(() => resolveFiles({ ...wrong, 'flavour.yaml': 'project: { flavour: mine }\n' }));

    expect(error).toMatchObject({ code: 'COMPONENT_NAME', at: { line: 1, column: 7 } });
  });

  it('bring objects in a file with several documents', () => {
    const flavour = 'components: { a: {} }\na: { deployment_file: objects.yaml }\n';
    const objects =
      'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: "{{x}}" }\n---\napiVersion: v1\nkind: Secret\nmetadata: { name: b }\n';
    const resolved = resolveFiles({ 'flavour.yaml': flavour, 'objects.yaml': objects });

    expect(component(resolved, 'a').objects.map(({ kind }) => kind)).toEqual(['ConfigMap', 'Secret']);
    const folder = workspace({ 'flavour.yaml': flavour, 'objects.yaml': `${objects}---\nkind: 1\n` });
    expect(failure(() => resolve({ flavours: [join(folder, 'flavour.yaml')] }))).toMatchObject({
      code: 'INVALID_VALUE',
      at: { file: join(folder, 'objects.yaml'), line: 9, column: 1 },
    });
  });
});

describe('the project', () => {
  it('is called as its file is, unless it says so', () => {
    const text = 'project: { flavour: minio }\n';

    expect(resolveFiles({ 'My Lab_2.yaml': text }, { flavours: ['My Lab_2.yaml'] }).project.name).toBe(
      'my-lab-2',
    );
    expect(resolveFiles('project: { flavour: minio, name: x }\n').project.name).toBe('x');
    expect(failure(() => resolveFiles({ '---.yaml': text }, { flavours: ['---.yaml'] })).code).toBe(
      'PROJECT_NAME',
    );
  });

  it('takes its namespace from -n before all else', () => {
    const options = { namespace: 'flag', set: ['project.k8s_namespace=set'] };

    expect(
      resolveFiles('project: { flavour: minio, k8s_namespace: file }\n', options).project.k8s_namespace,
    ).toBe('flag');
    expect(failure(() => resolveFiles('project: { flavour: minio }\n', { namespace: 'No' })).exitCode).toBe(
      2,
    );
  });

  it.each([
    'minio',
    'minio=',
    '=x',
    'minio.x',
    'a..b=1',
    '__proto__.x=1',
    'minio.values={"__proto__": {a: 1}}',
    'minio.x=[1',
  ])('refuses --set %s', (flag) => {
    const outcome = () => resolveFiles('project: { flavour: minio }\n', { set: [flag] });

    if (flag === 'minio=') expect(names(outcome())).toEqual(['minio']);
    else expect(failure(outcome)).toMatchObject({ code: 'SET_SYNTAX', exitCode: 2 });
    expect(({} as { x?: number }).x).toBeUndefined();
  });
});
