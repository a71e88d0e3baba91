import { describe, expect, it } from 'vitest';
import { parseYaml, parseYamlStream } from '../../../src/config/document.ts';
import { nearest } from '../../../src/config/nearest.ts';
import { Template } from '../../../src/config/template.ts';

const text = `base: &base
  size: 1Gi
  list: [a, b]
one:
  <<: *base
  size: 2Gi
two: *base
empty:
tagged: !hbs "{{x}}"
1: number
`;

describe('a document', () => {
  const document = parseYaml(text, 'd.yaml');

  it('is plain data, with aliases and merge keys as Helm reads them', () => {
    expect(document.data).toEqual({
      base: { size: '1Gi', list: ['a', 'b'] },
      one: { size: '2Gi', list: ['a', 'b'] },
      two: { size: '1Gi', list: ['a', 'b'] },
      empty: null,
      tagged: new Template('{{x}}', { file: 'd.yaml', line: 9, column: 14 }),
      1: 'number',
    });
  });

  it.each([
    [['base', 'size'], 'value', 2, 9],
    [['base', 'size'], 'key', 2, 3],
    [['base', 'list', 1], 'value', 3, 13],
    [['two', 'size'], 'value', 2, 9],
    [['one', 'size'], 'value', 6, 9],
    [['empty'], 'value', 8, 1],
    [['tagged'], 'value', 9, 14],
    [['1'], 'value', 10, 4],
    [['one', 'nobody', 'deep'], 'value', 5, 3],
    [['nobody'], 'value', 1, 1],
  ] as const)('knows where %j (%s) stands', (path, part, line, column) => {
    expect(document.locate(path, part)).toEqual({ file: 'd.yaml', line, column });
  });

  it('finds keys among thousands', () => {
    const many = parseYaml(Array.from({ length: 500 }, (_, i) => `k${i}: ${i}\n`).join(''), 'm.yaml');

    expect(many.locate(['k499'])).toEqual({ file: 'm.yaml', line: 500, column: 7 });
  });

  it.each([
    ['a: "x: y # z"', 'x: y # z'],
    ["a: 'it''s \"so\"'", 'it\'s "so"'],
    ['a: "tab\\tnew\\nline \\u00fc"', 'tab\tnew\nline ü'],
    ['a: |\n  one\n   two # no comment\n', 'one\n two # no comment\n'],
    ['a: {{ .Values.x }}'.replace('a: ', 'a: "').concat('"'), '{{ .Values.x }}'],
    ['a: 漢字 😀', '漢字 😀'],
    ['\ufeffa: bom', 'bom'],
  ])('gives texts back byte for byte: %j', (source, expected) => {
    expect(parseYaml(source, 'x.yaml').data).toEqual({ a: expected });
  });

  it('can be one of several, as in manifests', () => {
    const several = parseYamlStream('---\na: 1\n---\n---\nb: 2\n', 's.yaml');

    expect(several.map(({ data }) => data)).toEqual([{ a: 1 }, { b: 2 }]);
    expect(several[1]?.locate(['b'])).toEqual({ file: 's.yaml', line: 5, column: 4 });
  });
});

describe('the nearest name', () => {
  it.each([
    ['minoi', 'minio'],
    ['Storage_Class', 'storage_class'],
    ['relase', 'release'],
    ['xyz', undefined],
    ['m'.repeat(5000), undefined],
  ])('of %.20s is %s', (word, expected) => {
    const hint = nearest(word, ['minio', 'storage_class', 'release']);

    expect(hint).toBe(expected === undefined ? undefined : `did you mean "${expected}"?`);
  });
});
