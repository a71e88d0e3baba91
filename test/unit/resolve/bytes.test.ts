import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { component, resolveFiles } from '../../helpers/workspace.ts';

const nasty: Record<string, string> = {
  quotes: `"double" and 'single' and \`back\``,
  newlines: 'one\ntwo\n\n  three\r\nfour\n',
  braces: '{{ .Release.Name }} {{release}} {% x %} $(y) {{',
  colon: 'key: value: more',
  hash: 'a # b #c',
  unicode: 'Grüße 漢字 😀 \u200b\u00a0\u2028',
  control: 'bell \u0007 tab \t nul-free',
  backslash: 'C:\\path\\n \\{{x}}',
  spaces: '  leading and trailing  ',
  words: 'true',
  number: '0123',
  date: '2024-01-01',
  tilde: '~',
  at: '@sign & *star !bang %percent |pipe >fold',
  html: '<b>&amp;</b>',
  empty: '',
};

describe('a literal', () => {
  it.each(Object.entries(nasty))('arrives byte for byte from everywhere: %s', (_, text) => {
    const files = {
      'flavour.yaml': stringify({
        project: { flavour: 'minio' },
        minio: { config_file: 'v.yaml', region: text, values: { inline: text, list: [{ deep: text }] } },
      }),
      'v.yaml': stringify({ file: text }),
    };
    const set = [`minio.values.flag=${JSON.stringify(text)}`];
    const minio = component(resolveFiles(files, { set }), 'minio');

    expect(minio.values).toMatchObject({ file: text, inline: text, list: [{ deep: text }], flag: text });
    // Through a template of the component: the setting is put in, not evaluated again.
    expect(minio.values.region).toBe(text);
    expect(minio.provides.s3?.region).toBe(text);
  });

  it.each(Object.entries(nasty))(
    'arrives byte for byte inside of the result of a template: %s',
    (_, text) => {
      const flavour = stringify({
        components: {
          a: {
            config: { x: { type: 'string', default: text } },
            secrets: { s: { user: { value: '<{{config.x}}>' } } },
            objects: [
              { kind: 'K', apiVersion: 'v1', data: { whole: '{{config.x}}', part: '[{{config.x}}]' } },
            ],
          },
        },
      });
      const a = component(resolveFiles(flavour), 'a');

      expect(a.objects[0]?.data).toEqual({ whole: text, part: `[${text}]` });
      expect(a.secrets.s?.user).toEqual({ value: `<${text}>` });
    },
  );

  it('keeps its type', () => {
    const flavour =
      'project: { flavour: minio }\nminio: { values: { i: 1, f: 1.5, b: false, n: null, s: "1", big: 9007199254740991, e: {}, l: [] } }\n';

    expect(component(resolveFiles(flavour), 'minio').values).toMatchObject({
      i: 1,
      f: 1.5,
      b: false,
      n: null,
      s: '1',
      big: 9007199254740991,
      e: {},
      l: [],
    });
  });
});
