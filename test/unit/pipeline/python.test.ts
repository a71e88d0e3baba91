import { describe, expect, it } from 'vitest';
import {
  evaluate,
  findDefinition,
  NotConstant,
  readStatements,
  readVariable,
  tokenize,
  upstreamUses,
} from '../../../src/pipeline/python/index.ts';

const problem = (offset: number, message: string) => new Error(`${offset}: ${message}`) as never;
const uses = (code: string) => upstreamUses(readStatements(code, problem)).map(({ name }) => name);
const value = (code: string) =>
  evaluate(tokenize(code, problem).filter(({ type }) => type !== 'newline' && type !== 'end'));

describe('uses of upstream in a function', () => {
  it.each([
    ['def f(upstream):\n  return upstream["a"]["k"], upstream[\'b\']', ['a', 'b']],
    ['f"{upstream["a"]}{x!r:>{upstream["b"]}}"', ['a', 'b']],
    ['type X = list[int]\ndef f[T: (int, str)](x: T): return upstream["a"]', ['a']],
    ['match x:\n  case {"k": str()}:\n    upstream["a"]\n  case _: pass', ['a']],
    ['if (n := upstream["a"]): pass', ['a']],
    ['@deco(upstream["a"])\nasync def f(): await upstream["b"]', ['a', 'b']],
    ['x = 1./3; upstream["a"]; yield', ['a']],
    ['(upstream)["a"]; print(upstream)["b"]; x.upstream["c"]', ['a']],
    ['"upstream[\'a\']" # upstream["b"]', []],
    ['upstream[name]; upstream.get("a"); upstream["a" + x]', [undefined, undefined, undefined]],
  ])('are found in %j', (code, expected) => {
    expect(uses(code)).toEqual(expected);
  });

  it('are those of the last definition', () => {
    const module = readStatements(
      'def f():\n  1\nif x:\n  @d\n  def f():\n    2\nfrom m import g\nh = 1\n',
      problem,
    );

    expect(findDefinition(module, 'f')).toMatchObject({ kind: 'function', offset: 21 });
    expect(findDefinition(module, 'g')?.kind).toBe('import');
    expect(findDefinition(module, 'h')?.kind).toBe('other');
    expect(findDefinition(module, 'i')).toBeUndefined();
  });
});

describe('a constant', () => {
  it.each([
    ['None', null],
    ['["a", \'b\' "c", r"\\d", u"\\x41"]', ['a', 'bc', '\\d', 'A']],
    ['{"a": 1, "b": [True, -2]}', { a: 1, b: [true, -2] }],
    ['["a"] + ["b"]', ['a', 'b']],
    ['("a")', 'a'],
    ['0x1F', 31],
  ])('is %s', (code, expected) => {
    expect(value(code)).toEqual(expected);
  });

  it.each([
    'name',
    'f()',
    '[x for x in y]',
    'f"{x}"',
    '[*a]',
    '1 if x else 2',
    '__import__("os")',
    'a.b',
    '{[1]}',
    '"a" * 3',
    'lambda: 1',
  ])('is not %s', (code) => {
    expect(() => value(code)).toThrow(NotConstant);
  });
});

describe('a variable of a parameters cell', () => {
  const read = (code: string) => readVariable(code, 'upstream', problem)?.value;

  it('is what the last plain assignment says', () => {
    expect(
      read('upstream = ["a"]\nupstream = (\n  ["b"]  # x\n)\nif x:\n  upstream = None\n%magic = {\n!ls "\n'),
    ).toEqual(['b']);
    expect(read('x = 1')).toBeUndefined();
  });

  it.each([
    'upstream: list = ["a"]',
    'a = upstream = []',
    'x = 1; upstream = []',
    'upstream += ["a"]',
    'upstream, x = [], 1',
  ])('is refused as %s', (code) => {
    expect(() => read(code)).toThrow(/upstream/);
  });

  it.each(['upstream = ["a"', "upstream = 'a", 'upstream = ["a")', `upstream = ${'['.repeat(500)}`])(
    'is no Python in %s',
    (code) => {
      expect(() => read(code)).toThrow();
    },
  );
});
