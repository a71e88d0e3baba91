import { describe, expect, it } from 'vitest';
import { evaluate, evaluateTagged, evaluateTree, Template } from '../../../src/config/template.ts';
import { failure } from '../../helpers/workspace.ts';

const context = {
  release: 'demo',
  namespace: 'data',
  config: {
    enabled: true,
    off: false,
    workers: 3,
    zero: 0,
    none: null,
    empty: '',
    list: ['a', 'b'],
    map: { x: 1 },
    'with-dash': 'd',
    nasty: 'a: "b" # \'c\'\n{{release}} <&> ü 漢\t\\',
  },
  needs: { db: null, store: { host: 'h', port: 9000 } },
};
const nowhere = () => undefined;

describe('a template', () => {
  it.each([
    ['{{config.enabled}}', true],
    ['{{config.workers}}', 3],
    ['{{config.none}}', null],
    ['{{config.list}}', ['a', 'b']],
    ['{{config.map}}', { x: 1 }],
    ['{{{config.workers}}}', 3],
    ['{{ config.workers }}', 3],
    ['{{config.[with-dash]}}', 'd'],
    ['{{needs.store.port}}', 9000],
  ])('that is one expression keeps its type: %s', (source, expected) => {
    expect(evaluate(source, context)).toEqual(expected);
  });

  it.each([
    ['x{{config.workers}}', 'x3'],
    ['{{release}}-{{namespace}}', 'demo-data'],
    ['{{config.none}}.', '.'],
    ['{{config.off}}!', 'false!'],
    ['{{config.list.[1]}}', 'b'],
    ['plain {text} }}', 'plain {text} }}'],
    ['{{! a comment }}x', 'x'],
    ['a {{~release~}} b', 'ademob'],
  ])('in a longer text becomes text: %s', (source, expected) => {
    expect(evaluate(source, context)).toBe(expected);
  });

  it.each([
    ['\\{{release}}', '{{release}}'],
    ['a \\{{ .Values.x }} {{release}}', 'a {{ .Values.x }} demo'],
  ])('can hold braces: %s', (source, expected) => {
    expect(evaluate(source, context)).toBe(expected);
  });

  it('gives values back byte for byte, and evaluates nothing twice', () => {
    expect(evaluate('{{config.nasty}}', context)).toBe(context.config.nasty);
    expect(evaluate('<{{config.nasty}}>', context)).toBe(`<${context.config.nasty}>`);
    expect(evaluate('{{#if config.enabled}}{{config.nasty}}{{/if}}', context)).toBe(context.config.nasty);
  });

  it.each([
    ['{{#if config.enabled}}a{{else}}b{{/if}}', 'a'],
    ['{{#if config.off}}a{{else}}b{{/if}}', 'b'],
    ['{{#if needs.db}}{{needs.db.host}}{{else}}none{{/if}}', 'none'],
    ['{{#unless needs.db}}sqlite{{/unless}}', 'sqlite'],
    ['{{#if config.zero}}a{{else if config.enabled}}b{{else}}c{{/if}}', 'b'],
    ['{{#if (and config.enabled (eq config.workers 3))}}yes{{/if}}', 'yes'],
    ['{{#if config.off}}a{{/if}}', ''],
  ])('chooses: %s', (source, expected) => {
    expect(evaluate(source, context)).toBe(expected);
  });

  it.each([
    ['{{eq config.workers 3}}', true],
    ['{{ne config.workers 3}}', false],
    ['{{not config.off}}', true],
    ['{{and config.enabled config.off}}', false],
    ['{{or config.off config.enabled}}', true],
    ['{{default config.none "x"}}', 'x'],
    ['{{default config.empty "x"}}', 'x'],
    ['{{default config.off "x"}}', false],
    ['{{lower "ABC"}}', 'abc'],
    ['{{upper release}}', 'DEMO'],
    ['{{replace "a.b.c" "." "-"}}', 'a-b-c'],
    ['{{join config.list "+"}}', 'a+b'],
    ['{{json config.map}}', '{"x":1}'],
    ['{{json (join config.list)}}', '"a,b"'],
  ])('helps: %s', (source, expected) => {
    expect(evaluate(source, context)).toEqual(expected);
  });

  it.each([
    ['{{nobody}}', /there is no "nobody"/, /release, namespace, config, needs/],
    ['{{config.wrokers}}', /no "wrokers" in "config"/, /"workers"/],
    ['{{needs.db.host}}', /no "host" in "needs\.db"/, /holds no names/],
    ['{{release.x}}', /no "x" in "release"/, /holds no names/],
    ['{{frob release}}', /no helper "frob"/, /helpers are/],
    ['{{lowr release}}', /no helper "lowr"/, /"lower"/],
    ['{{default release fallback="x"}}', /"fallback="/, /by place/],
    ['{{#each config.list}}x{{/each}}', /#each/, /#if/],
    ['{{> part}}', /Partial/, /partials/],
    ['{{this}}', /"this" is not known/, /release/],
    ['{{.}}', /is not known/, /release/],
    ['{{../release}}', /is not known/, /release/],
    ['{{@root.release}}', /is not known/, /release/],
    ['x {{config.map}}', /map or a list/, /json/],
    ['{{#if release}}', /cannot be read/, /\{\{name\}\}/],
    ['{{', /cannot be read/, /\{\{name\}\}/],
  ])('is refused: %s', (source, says, hint) => {
    const at = { file: 'f.yaml', line: 3, column: 4 };
    const error = failure(() => evaluate(source, context, at));

    expect(error).toMatchObject({ code: 'TEMPLATE', exitCode: 2, at });
    expect(error.message).toMatch(says);
    expect(error.hint).toMatch(hint);
  });

  it.each(['constructor', '__proto__', 'toString', 'config.constructor', 'config.list.length.constructor'])(
    'reaches nothing of the language: %s',
    (path) => {
      expect(failure(() => evaluate(`{{${path}}}`, context)).code).toBe('TEMPLATE');
      expect(failure(() => evaluate(`{{${path} 1}}`, context)).code).toBe('TEMPLATE');
    },
  );
});

describe('a tree of templates', () => {
  it('is evaluated in keys and values, and keeps its shape', () => {
    const result = evaluateTree(
      { '{{release}}-auth': ['{{config.workers}}', { deep: '{{config.nasty}}' }], n: 1, z: null },
      context,
      nowhere,
    );

    expect(result).toEqual({ 'demo-auth': [3, { deep: context.config.nasty }], n: 1, z: null });
  });

  it('cannot make a key of nothing or of the prototype', () => {
    expect(failure(() => evaluateTree({ '{{config.empty}}': 1 }, context, nowhere)).code).toBe('TEMPLATE');
    const evil = { evil: '__proto__' };
    expect(failure(() => evaluateTree({ '{{evil}}': { a: 1 } }, evil, nowhere)).code).toBe('TEMPLATE');
  });

  it('leaves what is not tagged as it is', () => {
    expect(
      evaluateTagged({ go: '{{ .Release.Name }}', ours: [new Template('{{release}}')] }, context),
    ).toEqual({ go: '{{ .Release.Name }}', ours: ['demo'] });
  });
});
