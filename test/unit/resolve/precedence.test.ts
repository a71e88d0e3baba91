import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { explain } from '../../../src/actions/config.ts';
import { type ResolveOptions, resolve } from '../../../src/resolve/resolve.ts';
import { component, failure, resolveFiles, workspace } from '../../helpers/workspace.ts';

/** Every place that can say `store.size`, lowest first; each says its own name. */
const componentYaml = `name: store
chart: { path: chart }
config:
  size: { type: string, default: schema, description: d }
`;
const levels: Array<{ name: string; file: string; text: string; at: [number, number] }> = [
  { name: 'schema', file: 'components/store/component.yaml', text: componentYaml, at: [4, 34] },
  { name: 'settings', file: 'components/store/config.yaml', text: 'store:\n  size: settings\n', at: [2, 9] },
  {
    name: 'target',
    file: 'target.yaml',
    text: 'local:\n  provider: kind\n  components:\n    store: { size: target }\n',
    at: [4, 20],
  },
  { name: 'grandparent', file: 'grandparent.yaml', text: 'store:\n  size: grandparent\n', at: [2, 9] },
  {
    name: 'parent',
    file: 'parent.yaml',
    text: 'extends: grandparent.yaml\nstore:\n  size: parent\n',
    at: [3, 9],
  },
  {
    name: 'first',
    file: 'first.yaml',
    text: 'extends: [parent.yaml]\nproject: { flavour: store }\nstore: { size: first }\n',
    at: [3, 16],
  },
  { name: 'second', file: 'second.yaml', text: '\nstore: { size: second }\n', at: [2, 16] },
];

/** The same project, with the levels from `top` upwards silenced. */
function project(top: number): { folder: string; options: ResolveOptions } {
  const files = levels.map(({ file, text, name }, index) => [
    file,
    index <= top ? text : index === 0 ? text : text.replace(`size: ${name}`, ''),
  ]);
  const folder = workspace({
    ...Object.fromEntries(files),
    'components/store/chart/Chart.yaml': 'name: x\n',
  });
  return {
    folder,
    options: {
      flavours: [join(folder, 'first.yaml'), join(folder, 'second.yaml')],
      target: join(folder, 'target.yaml'),
    },
  };
}

describe('a setting', () => {
  it.each(levels.map(({ name }, index) => [name, index] as const))(
    'of %s beats all below it',
    (name, index) => {
      const { options } = project(index);

      expect(component(resolve(options), 'store').config.size).toBe(name);
    },
  );

  it('of --set beats all', () => {
    const { options } = project(levels.length);
    const set = ['store.size=flag'];

    expect(component(resolve({ ...options, set }), 'store').config.size).toBe('flag');
  });

  it('is explained with the place of every source, the winning one first', () => {
    const { folder, options } = project(levels.length);
    const said = explain({ ...options, set: ['store.size=flag'] }, 'store.size');

    expect(said.map(({ value, at }) => [value, at.file, at.line, at.column])).toEqual([
      ['flag', '--set', undefined, undefined],
      ...[...levels].reverse().map(({ name, file, at }) => [name, join(folder, file), ...at]),
    ]);
  });

  it('can have a file of the name of the flavour instead of config.yaml', () => {
    const files = {
      'lab.yaml': 'project: { flavour: store }\n',
      'components/store/component.yaml': componentYaml,
      'components/store/chart/Chart.yaml': 'name: x\n',
      'components/store/config.yaml': 'store: { size: general }\n',
      'components/store/lab.yaml': 'store: { size: lab }\n',
      'components/store/other.yaml': 'store: { size: other }\n',
    };
    const size = (options: ResolveOptions) => component(resolveFiles(files, options), 'store').config.size;

    expect(size({ flavours: ['lab.yaml'] })).toBe('lab');
    expect(size({ flavours: ['lab.yaml'], set: ['project.component_default_config=other.yaml'] })).toBe(
      'lab',
    );
  });

  it('is merged as Helm does: maps merge, lists replace, null deletes, an empty section says nothing', () => {
    const own = `components:
  a:
    config:
      map: { type: object, default: { x: 1, y: 1 } }
      list: { type: array, default: [1, 2] }
      size: { type: string, default: 10Gi }
`;
    const config = (section: string) => component(resolveFiles(`${own}${section}\n`), 'a').config;

    expect(config('a: { map: { y: 2 }, list: [3] }')).toMatchObject({ map: { x: 1, y: 2 }, list: [3] });
    expect(config('a: { size: null }').size).toBe('10Gi');
    expect(config('a:')).toMatchObject({ map: { x: 1, y: 1 }, list: [1, 2], size: '10Gi' });
  });

  it('may be a template of the project and the target', () => {
    const resolved = resolveFiles(
      'project: { flavour: minio }\nminio: { size: !hbs "{{#if target.simulated}}1Gi{{else}}9Gi{{/if}}", region: !hbs "{{project.name}}" }\nlocal: { provider: rehearsal }\n',
    );

    expect(component(resolved, 'minio').config).toMatchObject({ size: '1Gi', region: 'flavour' });
  });

  it('of a target: its storage class is that of components that name none', () => {
    const target = 'local: { provider: kind, storage_class: fast }\n';
    const flavour = `project: { flavour: "minio, dask" }\ndask: { storage_class: own }\n${target}`;
    const resolved = resolveFiles(flavour);

    expect(component(resolved, 'minio').storageClass).toBe('fast');
    expect(component(resolved, 'dask').storageClass).toBe('own');
  });

  it('namespace and k8s_namespace are one word: the higher source wins', () => {
    const files = {
      'base.yaml': 'minio: { namespace: low }\n',
      'flavour.yaml': 'extends: base.yaml\nproject: { flavour: minio }\nminio: { k8s_namespace: high }\n',
    };
    const folder = workspace(files);
    const options = { flavours: [join(folder, 'flavour.yaml')] };

    expect(component(resolve(options), 'minio').namespace).toBe('high');
    expect(explain(options, 'minio.namespace').map(({ at, value }) => [value, at.line, at.column])).toEqual([
      ['high', 3, 25],
      ['low', 1, 21],
    ]);
  });

  it('of an alias is one of the component', () => {
    const files = {
      'flavour.yaml': 'project: { flavour: jhub }\njupyterhub: { size: a }\njhub: { size: b }\n',
      'components/jupyterhub/component.yaml': componentYaml.replace('store', 'jupyterhub'),
      'components/jupyterhub/chart/Chart.yaml': 'name: x\n',
    };

    expect(component(resolveFiles(files), 'jupyterhub').config.size).toBe('b');
  });
});

describe('Helm values', () => {
  const files = {
    'flavour.yaml':
      'project: { flavour: app }\napp:\n  config_file: mine.yaml\n  values: { inline: 3, all: 3, gone: null }\n',
    'mine.yaml': 'file: 2\nall: 2\ngone: { deep: 1 }\nmap: { b: 2 }\n',
    'components/app/component.yaml':
      'name: app\nchart: { path: chart }\nconfig: { n: { type: integer, default: 7 } }\n',
    'components/app/values.hbs.yaml': 'template: "{{config.n}}"\nall: 1\nmap: { a: 1, b: 1 }\n',
    'components/app/chart/Chart.yaml': 'name: x\n',
    'components/app/mine.yaml': 'file: component\n',
  };

  it('come from the template, config_file, then inline', () => {
    expect(component(resolveFiles(files), 'app').values).toEqual({
      template: 7,
      file: 2,
      inline: 3,
      all: 3,
      gone: null,
      map: { a: 1, b: 2 },
    });
  });

  it('of --set are highest, and typed as YAML', () => {
    const set = ['app.values.all=4', 'app.values.on=true', 'app.values.text="4"', 'app.values.a\\.b=[1]'];

    expect(component(resolveFiles(files, { set }), 'app').values).toMatchObject({
      all: 4,
      on: true,
      text: '4',
      'a.b': [1],
    });
  });

  it('are explained with line and column', () => {
    const folder = workspace(files);
    const options = { flavours: [join(folder, 'flavour.yaml')], set: ['app.values.all=4'] };
    const said = explain(options, 'app.values.all');

    expect(
      said.map(({ value, at }) => [value, at.file.replace(`${folder}/`, ''), at.line, at.column]),
    ).toEqual([
      [4, '--set', undefined, undefined],
      [3, 'flavour.yaml', 4, 29],
      [2, 'mine.yaml', 2, 6],
      [1, 'components/app/values.hbs.yaml', 2, 6],
    ]);
  });

  it('are looked for beside the flavour, then in the component; config_folder replaces the first', () => {
    const file = (more: Record<string, string>, options: ResolveOptions = {}) =>
      component(resolveFiles({ ...files, ...more }, options), 'app').values.file;
    const { 'mine.yaml': _, ...without } = files;

    expect(file({})).toBe(2);
    expect(component(resolveFiles(without), 'app').values.file).toBe('component');
    const elsewhere = {
      'conf/mine.yaml': 'file: folder\n',
      'flavour.yaml': `${files['flavour.yaml']}`.replace('flavour: app', 'flavour: app, config_folder: conf'),
    };
    expect(file(elsewhere)).toBe('folder');
    expect(file({ 'flavour.yaml': elsewhere['flavour.yaml'] })).toBe('component');
  });

  it('files are templates only when their name says so', () => {
    const hbs = {
      'flavour.yaml': 'project: { flavour: app }\napp: { config_file: mine.hbs.yaml }\n',
      'mine.hbs.yaml': 'go: "\\\\{{ .Release.Name }}"\nours: "{{release}}"\n',
    };
    const plain = { 'mine.yaml': 'go: "{{ .Release.Name }}"\nours: !hbs "{{release}}"\n' };

    expect(component(resolveFiles({ ...files, ...hbs }), 'app').values).toMatchObject({
      go: '{{ .Release.Name }}',
      ours: 'app',
    });
    expect(component(resolveFiles({ ...files, ...plain }), 'app').values).toMatchObject({
      go: '{{ .Release.Name }}',
      ours: 'app',
    });
  });

  it('must be a map', () => {
    expect(failure(() => resolveFiles({ ...files, 'mine.yaml': '[1]\n' })).code).toBe('INVALID_VALUE');
  });
});

describe('what has no source', () => {
  it('is said to be the default, or to be unknown', () => {
    const folder = workspace({ 'flavour.yaml': 'project: { flavour: minio }\n' });
    const options = { flavours: [join(folder, 'flavour.yaml')] };

    expect(explain(options, 'project.proxy_port')).toEqual([{ at: { file: 'default' }, value: 8088 }]);
    expect(failure(() => explain(options, 'minio.sizee'))).toMatchObject({
      code: 'UNKNOWN_PATH',
      exitCode: 2,
    });
    expect(failure(() => explain(options, 'minoi.size')).hint).toContain('"minio"');
  });
});

describe('several flavour files', () => {
  it('that extend the same one keep what they say over it', () => {
    const files = {
      'base.yaml': 'minio: { size: base, region: base }\n',
      'b.yaml': 'extends: base.yaml\nminio: { size: b }\n',
      'c.yaml': 'extends: base.yaml\nminio: { region: c }\n',
      'flavour.yaml': 'extends: [b.yaml, c.yaml]\nproject: { flavour: minio }\n',
    };

    expect(component(resolveFiles(files), 'minio').config).toMatchObject({ size: 'b', region: 'c' });
    expect(
      component(resolveFiles(files, { flavours: ['c.yaml', 'flavour.yaml'] }), 'minio').config.region,
    ).toBe('c');
  });

  it('resolve relative paths in the file that says them', () => {
    const files = {
      'shared/base.yaml': 'components: { api: { chart: { path: ./chart }, summary: s } }\n',
      'shared/chart/Chart.yaml': 'name: api\n',
      'flavour.yaml': 'extends: shared/base.yaml\ncomponents: { api: { default: true } }\n',
    };

    expect(component(resolveFiles(files), 'api').chart?.path).toMatch(/shared\/chart$/);
  });

  it('take an inline component away with null', () => {
    const files = {
      'base.yaml': 'components: { a: {}, b: {} }\n',
      'flavour.yaml': 'extends: base.yaml\ncomponents: { b: null }\n',
    };

    expect(resolveFiles(files).components.map(({ name }) => name)).toEqual(['a']);
  });
});
