import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Scraper } from '../../../src/runner/scrape/index.ts';
import type { JsonObject } from '../../../src/runner/scrape/json.ts';
import { mergePatch } from '../../../src/runner/scrape/merge.ts';
import { applyPatch, parsePatch } from '../../../src/runner/scrape/patch.ts';
import { workspace } from '../../helpers/workspace.ts';

async function scraped(lines: Array<string | Buffer>, initial: JsonObject = {}): Promise<JsonObject> {
  const folder = workspace();
  const log = join(folder, 'log');
  writeFileSync(
    log,
    Buffer.concat(lines.map((line) => Buffer.concat([Buffer.from(line), Buffer.from('\n')]))),
  );
  const scraper = await Scraper.open({
    log,
    document: join(folder, 'doc'),
    state: join(folder, 'state'),
    initial,
  });
  await scraper.advance({ last: true });
  return scraper.data;
}

describe('a line of output', () => {
  it('merges, patches and removes in order, as the example of the reference does', async () => {
    const { experiment } = await scraped([
      '{"experiment": {"name": "testExpr", "max_run_length": 24, "current_run_position": 16}}',
      '[{"op": "replace", "path": "/experiment/current_run_position", "value": 20}]',
      '{"experiment": {"completed": "true"}}',
      '[{"op": "remove", "path": "/experiment/current_run_position"}]',
    ]);
    expect(experiment).toEqual({ name: 'testExpr', max_run_length: 24, completed: 'true' });
  });

  it('deletes with null, and keeps names that are special to JavaScript', async () => {
    const { experiment } = await scraped([
      '{"experiment": {"a": 1, "__proto__": {"polluted": true}, "constructor": 2}}',
      '{"experiment": {"a": null}}',
    ]);
    expect(JSON.stringify(experiment)).toBe('{"__proto__":{"polluted":true},"constructor":2}');
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it('counts a tag that is set again', async () => {
    const { experiment, studioml } = await scraped([
      '{"experiment": {"name": "dummy pass"}}',
      '{"experiment": {"name": "Zaphod Beeblebrox"}}',
      '{"experiment": {"name": "last"}}',
    ]);
    expect(experiment).toEqual({ name: 'last' });
    expect(studioml).toMatchObject({ repeated: { '/experiment/name': 2 } });
  });

  it('that cannot be applied is noted and skipped, as a whole', async () => {
    const { experiment, studioml } = await scraped([
      '{"experiment": {"a": 1}}',
      '[{"op": "replace", "path": "/experiment/a", "value": 9}, {"op": "remove", "path": "/experiment/missing"}]',
      '[{"op": "fly", "path": "/experiment/a"}]',
      '{"experiment": {"b": 2}}',
      '{"experiment": ',
      '{"loss": 1}',
    ]);
    expect(experiment).toEqual({ a: 1, b: 2 });
    expect((studioml as JsonObject).errors).toMatchObject([
      { msg: 'there is no /experiment/missing' },
      { msg: 'there is no operation "fly"' },
    ]);
  });

  it.each([
    ['{"studioml": {"status": "completed"}}', 'merge over a member'],
    ['{"studioml": null}', 'merge that deletes'],
    ['{"experiment": {}, "studioml": {"experiment": {"key": "x"}}}', 'merge deep below'],
    ['[{"op": "add", "path": "/studioml/status", "value": "x"}]', 'add on a member'],
    ['[{"op": "add", "path": "/studioml", "value": {}}]', 'add of the section'],
    ['[{"op": "replace", "path": "/studioml/status", "value": "x"}]', 'replace'],
    ['[{"op": "remove", "path": "/studioml/status"}]', 'remove'],
    ['[{"op": "move", "from": "/studioml/status", "path": "/experiment/status"}]', 'move from it'],
    ['[{"op": "copy", "from": "/experiment", "path": "/studioml/status"}]', 'copy on a member'],
    ['[{"op": "move", "from": "/experiment", "path": "/studioml/experiment"}]', 'move on a member'],
    ['[{"op": "add", "path": "/studioml/log/0", "value": "x"}]', 'add before others'],
    ['[{"op": "add", "path": "", "value": {}}]', 'add of the document'],
    ['[{"op": "replace", "path": "", "value": {}}]', 'replace of the document'],
    ['[{"op": "move", "from": "", "path": "/experiment/a"}]', 'move of the document'],
    ['{"experiment": {}, "runner": {"host": "x"}}', 'merge into runner'],
    ['[{"op": "remove", "path": "/runner/host"}]', 'remove from runner'],
    [
      '[{"op": "add", "path": "/studioml/new", "value": 1}, {"op": "replace", "path": "/studioml/new", "value": 2}]',
      'two steps',
    ],
  ])('%s leaves what the runner says alone', async (line) => {
    const initial = {
      runner: { host: 'h' },
      studioml: { status: 'running', experiment: { key: 'k' }, log: [1] },
    };
    const { runner, studioml } = await scraped([line], structuredClone(initial));
    expect(runner).toEqual(initial.runner);
    expect(studioml).toMatchObject({ ...initial.studioml, error_count: 1 });
  });

  it('may add to the audit section', async () => {
    const { studioml } = await scraped(
      [
        '[{"op": "add", "path": "/studioml/log/-", "value": {"msg": "Stop"}}]',
        '{"studioml": {"pipdeptree": []}}',
      ],
      { studioml: { log: [] } },
    );
    expect(studioml).toEqual({ log: [{ msg: 'Stop' }], pipdeptree: [] });
  });
});

describe('a log', () => {
  it('may hold what is no text, bars of progress, and lines of any length', async () => {
    const { experiment, studioml } = await scraped([
      Buffer.from([0xff, 0xfe, 0x00]),
      ' 10%\r 50%\r{"experiment": {"after_bar": true}}\r',
      `{"experiment": {"long": "${'x'.repeat(5 * 1024 * 1024)}"}}`,
      '   {"experiment": {"indented": "äöü😀"}}   ',
      '{"experiment": {"last": 1}}',
    ]);
    expect(experiment).toEqual({ after_bar: true, indented: 'äöü😀', last: 1 });
    expect(studioml).toEqual({ long_lines: 1 });
  });

  it('is read on by another scraper where the first one was, also within a character', async () => {
    const folder = workspace();
    const options = { log: join(folder, 'log'), document: join(folder, 'doc'), state: join(folder, 'state') };
    const text = Buffer.from(
      '{"experiment": {"a": "äöü"}}\n[{"op": "add", "path": "/experiment/n", "value": 1}]\n{"experiment": {"b": 1}}\n',
    );
    writeFileSync(options.log, '');
    for (let at = 0; at < text.length; at += 7) {
      appendFileSync(options.log, text.subarray(at, at + 7));
      const scraper = await Scraper.open({ ...options, initial: {} });
      await scraper.advance();
      await scraper.save();
    }
    const { data } = await Scraper.open({ ...options, initial: {} });
    expect(data.experiment).toEqual({ a: 'äöü', n: 1, b: 1 });
  });

  it('takes time that grows with it, not with its square', async () => {
    const lines = (count: number) =>
      Array.from({ length: count }, (_, at) =>
        at % 3 === 0 ? `{"experiment": {"step": ${at}}}` : `epoch ${at}: loss 0.${at} accuracy 0.9`,
      );
    const started = performance.now();
    await scraped(lines(3_000));
    const small = performance.now() - started;
    const then = performance.now();
    const { experiment } = await scraped(lines(30_000));
    expect((experiment as JsonObject).step).toBe(29_997);
    // Ten times as much; a hundred times as long would be the square.
    expect((performance.now() - then) / small).toBeLessThan(50);
  });
});

describe('JSON Patch', () => {
  // From appendix A of RFC 6902.
  it.each([
    [{ foo: 'bar' }, [{ op: 'add', path: '/baz', value: 'qux' }], { baz: 'qux', foo: 'bar' }],
    [{ foo: ['bar', 'baz'] }, [{ op: 'add', path: '/foo/1', value: 'qux' }], { foo: ['bar', 'qux', 'baz'] }],
    [{ baz: 'qux', foo: 'bar' }, [{ op: 'remove', path: '/baz' }], { foo: 'bar' }],
    [{ foo: ['bar', 'qux', 'baz'] }, [{ op: 'remove', path: '/foo/1' }], { foo: ['bar', 'baz'] }],
    [
      { foo: { bar: 'baz', waldo: 'fred' }, qux: { corge: 'grault' } },
      [{ op: 'move', from: '/foo/waldo', path: '/qux/thud' }],
      { foo: { bar: 'baz' }, qux: { corge: 'grault', thud: 'fred' } },
    ],
    [
      { foo: ['all', 'grass', 'cows', 'eat'] },
      [{ op: 'move', from: '/foo/1', path: '/foo/3' }],
      { foo: ['all', 'cows', 'eat', 'grass'] },
    ],
    [
      { baz: 'qux', foo: ['a', 2, 'c'] },
      [
        { op: 'test', path: '/baz', value: 'qux' },
        { op: 'test', path: '/foo/1', value: 2 },
      ],
      { baz: 'qux', foo: ['a', 2, 'c'] },
    ],
    [
      { foo: 'bar' },
      [{ op: 'add', path: '/child', value: { grandchild: {} } }],
      { foo: 'bar', child: { grandchild: {} } },
    ],
    [{ '/': 9, '~1': 10 }, [{ op: 'test', path: '/~01', value: 10 }], { '/': 9, '~1': 10 }],
    [
      { foo: ['bar'] },
      [{ op: 'add', path: '/foo/-', value: ['abc', 'def'] }],
      { foo: ['bar', ['abc', 'def']] },
    ],
  ])('%j with %j is %j', (document, patch, result) => {
    applyPatch(document, parsePatch(patch as never));
    expect(document).toEqual(result);
  });

  it.each([
    [{ baz: 'qux' }, [{ op: 'test', path: '/baz', value: 'bar' }]],
    [{ foo: 'bar' }, [{ op: 'add', path: '/baz/bat', value: 'qux' }]],
    [{ '/': 9, '~1': 10 }, [{ op: 'test', path: '/~01', value: '10' }]],
    [{ a: { b: 1 } }, [{ op: 'move', from: '/a', path: '/a/b' }]],
    [{ a: [1] }, [{ op: 'add', path: '/a/2', value: 1 }]],
    [{ a: [1] }, [{ op: 'replace', path: '/a/01', value: 1 }]],
    [
      { a: 1, b: 2 },
      [
        { op: 'add', path: '/c', value: 3 },
        { op: 'remove', path: '/a' },
        { op: 'remove', path: '/a' },
      ],
    ],
  ])('%j with %j fails and changes nothing', (document, patch) => {
    const before = structuredClone(document);
    expect(() => applyPatch(document, parsePatch(patch as never))).toThrow();
    expect(document).toEqual(before);
  });
});

// From appendix A of RFC 7396.
it.each([
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [
    ['a', 'b'],
    ['c', 'd'],
    ['c', 'd'],
  ],
  [{ a: 'b' }, ['c'], ['c']],
  [{ a: 'foo' }, null, null],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: 'b', c: null }, { a: 'b' }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
])('JSON Merge Patch: %j with %j is %j', (target, patch, result) => {
  expect(mergePatch(target as never, patch as never)).toEqual(result);
});
