import { describe } from 'vitest';
import { get } from '../helpers/cluster.ts';
import { app, charts, it } from '../helpers/project.ts';

/** What YAML, Go templates, Handlebars or helm's own --set could spoil. */
const nasty: Record<string, string> = {
  quotes: `"double" 'single' \`back\` \\back\\slash\\n`,
  newlines: 'first\nsecond\n\n  indented\n',
  trailing: 'ends with spaces   ',
  carriage: 'dos\r\nlines\r\n',
  go: '{{ .Release.Name }} {{- if true }}',
  handlebars: '{{config.word}} {{{raw}}} {{#if x}}',
  colon: 'key: value: more',
  hash: 'before # not a comment',
  commas: 'a=b,c={d,e},f[0]=g',
  number: '0123',
  word: 'yes',
  nothing: 'null',
  date: '2001-01-01',
  empty: '',
  unicode: 'žluťoučký 🐎 \u0007\u00a0\u2028',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: that is the point
  dollar: '${HOME} $(id) %s',
  amp: '<a href="x">&amp;</a>',
};

const json = JSON.stringify;
const chart = json(`${charts}/app`);

describe.concurrent('values reach the chart byte for byte', () => {
  it('as literals and as results of templates', async ({ project, expect }) => {
    const templates = Object.keys(nasty).map((key) => `t-${key}: !hbs "{{config.words.${key}}}"`);
    const inside = Object.keys(nasty).map((key) => `m-${key}: !hbs "<{{config.words.${key}}}>"`);
    await project.write(
      'flavour.yaml',
      `
project: { k8s_namespace: ${project.namespace} }
components:
  api:
    chart: { path: ${chart} }
    config: { words: { type: object, default: {} } }
api:
  words: ${json(nasty)}
  values:
    data:
      ${Object.entries(nasty)
        .map(([key, value]) => `l-${key}: ${json(value)}`)
        .concat(templates, inside)
        .join('\n      ')}
`,
    );
    const up = await project.run(['up']);
    expect(up.code, up.stderr).toBe(0);
    const { data } = await get(project.namespace, 'configmaps', 'api');
    for (const [key, value] of Object.entries(nasty)) {
      expect(data[`l-${key}`], key).toBe(value);
      expect(data[`t-${key}`], key).toBe(value);
      expect(data[`m-${key}`], key).toBe(`<${value}>`);
    }
  });

  it('through values.hbs.yaml of a component folder, and through --set', async ({ project, expect }) => {
    await project.write(
      'components/own/component.yaml',
      `name: own\nchart: { path: ${chart} }\nconfig: { words: { type: object, default: {} } }\n`,
    );
    const lines = Object.keys(nasty).map((key) => `  t-${key}: "{{config.words.${key}}}"`);
    await project.write(
      'components/own/values.hbs.yaml',
      `data:\n${lines.join('\n')}\nreplicas: "{{config.words.replicas}}"\n`,
    );
    const words = { ...nasty, replicas: 2 };
    await project.flavour({}, { project: { flavour: 'own' }, own: { words } });
    const sets = Object.entries(nasty).flatMap(([key, value]) => [
      '--set',
      `own.values.data.s-${key}=${json(value)}`,
    ]);
    const up = await project.run(['up', ...sets]);
    expect(up.code, up.stderr).toBe(0);
    const { data } = await get(project.namespace, 'configmaps', 'own');
    for (const [key, value] of Object.entries(nasty)) {
      expect(data[`t-${key}`], key).toBe(value);
      expect(data[`s-${key}`], key).toBe(value);
    }
    // A leaf that is one expression keeps the expression's type: the chart takes no text here.
    expect((await get(project.namespace, 'deployments', 'own')).spec.replicas).toBe(2);
  });

  it('the later source over the earlier: component, config_file, section, --set', async ({
    project,
    expect,
  }) => {
    const values = { data: { a: 'component', b: 'component', c: 'component', d: 'component' } };
    const file = { data: { b: 'file', c: 'file', d: 'file' } };
    await project.write('api.yaml', file);
    await project.write('other/api.yaml', { data: { ...file.data, b: 'other' } });
    const api = { config_file: 'api.yaml', values: { data: { c: 'section', d: 'section' } } };
    await project.flavour({ api: app({ values }) }, { api });
    const set = ['--set', 'api.values.data.d=set'];
    expect((await project.run(['up', ...set])).code).toBe(0);
    const { data } = await get(project.namespace, 'configmaps', 'api');
    expect(data).toEqual({ a: 'component', b: 'file', c: 'section', d: 'set' });
    const explained = await project.run(['config', '--explain', 'api.values.data.b']);
    expect(explained.stdout.split('\n')[0]).toMatch(/api\.yaml:2:6 "file"/);

    await project.flavour({ api: app({ values }) }, { api, project: { config_folder: 'other' } });
    expect((await project.run(['up', ...set])).code).toBe(0);
    expect((await get(project.namespace, 'configmaps', 'api')).data.b).toBe('other');

    await project.flavour({ api: app({ values }) }, { api: { config_file: 'nowhere.yaml' } });
    const missing = await project.run(['up']);
    expect(missing.code).toBe(2);
    expect(missing.stderr).toMatch(
      /flavour\.yaml:\d+:\d+: api\.config_file: there is no file "nowhere\.yaml"/,
    );
    expect(missing.stderr).toContain(`looked for at ${project.folder}/nowhere.yaml`);
  });
});
