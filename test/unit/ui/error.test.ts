import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configError, DatamillError, interruptedError, unreachableError } from '../../../src/errors.ts';
import { type PrintErrorOptions, printError } from '../../../src/ui/error.ts';
import { registerSecrets } from '../../../src/util/redact.ts';

let folder: string;
let file: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'datamill-error-'));
  file = join(folder, 'flavour.yaml');
  writeFileSync(file, 'project:\n  flavour: minio\nminio:\n  storge_class: fast\n\t"quoted key": 1\n');
});

afterAll(() => rmSync(folder, { recursive: true }));

function printed(error: unknown, options: PrintErrorOptions = {}) {
  let out = '';
  const stream = new Writable({
    write(chunk, _encoding, done) {
      out += String(chunk);
      done();
    },
  });
  const exitCode = printError(error, { cwd: folder, color: false, stream, ...options });
  return { out, exitCode };
}

function unknownKey(line = 4, column = 3) {
  return configError('UNKNOWN_KEY', 'unknown key "storge_class" in minio', {
    at: { file, line, column },
    hint: 'did you mean "storage_class"?',
  });
}

describe('an error in a file', () => {
  it('is shown with its place and what to do', () => {
    expect(printed(unknownKey())).toEqual({
      exitCode: 2,
      out: [
        'error[UNKNOWN_KEY]: flavour.yaml:4:3: unknown key "storge_class" in minio',
        '    4 |   storge_class: fast',
        '      |   ^^^^^^^^^^^^',
        '  hint: did you mean "storage_class"?',
        '',
      ].join('\n'),
    });
  });

  it('marks a quoted word, after a tab', () => {
    expect(printed(unknownKey(5, 2)).out).toContain('    5 | \t"quoted key": 1\n      | \t^^^^^^^^^^^^\n');
  });

  it('is shown without the line when there is none to show', () => {
    const at = [
      { file: join(folder, 'gone.yaml'), line: 1, column: 1 },
      { file, line: 99, column: 1 },
      { file: folder, line: 1 },
      { file },
    ];
    for (const place of at) {
      const { out } = printed(configError('X', 'wrong', { at: place }));
      expect(out.split('\n')).toHaveLength(2);
      expect(out).toContain('wrong');
    }
  });

  it('is shown without a mark when the column is beyond the line', () => {
    expect(printed(unknownKey(4, 200)).out).not.toContain('^');
  });

  it('does not read a large file', () => {
    const large = join(folder, 'large.yaml');
    writeFileSync(large, `a: 1\n${'#'.repeat(2 * 1024 * 1024)}`);
    expect(printed(configError('X', 'wrong', { at: { file: large, line: 1, column: 1 } })).out).not.toContain(
      'a: 1',
    );
  });

  it('names files elsewhere in full', () => {
    expect(printed(unknownKey(), { cwd: join(folder, 'other') }).out).toContain(`${file}:4:3`);
  });
});

describe('errors of several kinds', () => {
  it('are shown one after the other', () => {
    const error = configError('UNKNOWN_KEY', 'first', {
      others: [configError('WRONG_TYPE', 'second', { hint: 'one\ntwo' })],
    });
    expect(printed(error).out).toBe(
      'error[UNKNOWN_KEY]: first\nerror[WRONG_TYPE]: second\n  hint: one\n        two\n',
    );
  });

  it.each([
    [interruptedError(), 130],
    [interruptedError('SIGTERM'), 143],
    [unreachableError('UNREACHABLE', 'no answer'), 4],
    [new Error('oops'), 1],
    [Object.assign(new Error('aborted'), { name: 'AbortError' }), 130],
  ])('end with their exit code', (error, exitCode) => {
    expect(printed(error).exitCode).toBe(exitCode);
  });

  it('that nobody foresaw ask to be reported', () => {
    const { out } = printed(new TypeError("Cannot read properties of undefined (reading 'name')"));
    expect(out).toContain("error[INTERNAL]: Cannot read properties of undefined (reading 'name')");
    expect(out).toMatch(/hint: This is a bug .* report it .*--verbose/);
    expect(out).not.toContain('    at ');
    expect(printed('just a text').out).toContain('error[INTERNAL]: just a text');
  });

  it('of the operating system do not', () => {
    const error = Object.assign(new Error("EACCES: permission denied, open '/x'"), {
      code: 'EACCES',
      syscall: 'open',
    });
    expect(printed(error).out).toBe("error[EACCES]: EACCES: permission denied, open '/x'\n");
  });

  it('tell their causes and stacks only when asked to', () => {
    const cause = new Error('socket hang up', { cause: new Error('ECONNRESET') });
    const error = unreachableError('UNREACHABLE', 'no answer', { cause });
    expect(printed(error).out).toBe('error[UNREACHABLE]: no answer\n');
    const { out } = printed(error, { verbose: true });
    expect(out).toContain('  caused by: Error: socket hang up\n');
    expect(out).toContain('  caused by: Error: ECONNRESET\n');
    expect(out).toMatch(/\n {4}at /);
  });

  it('survive a cause that is its own cause', () => {
    const error = new DatamillError('LOOP', 'loop');
    Object.assign(error, { cause: error });
    expect(printed(error, { verbose: true }).out).toContain('error[LOOP]: loop');
  });
});

describe('the JSON form', () => {
  it('is one line', () => {
    const { out, exitCode } = printed(unknownKey(), { output: 'json' });
    expect(exitCode).toBe(2);
    expect(out).toMatch(/^[^\n]+\n$/);
    expect(JSON.parse(out)).toEqual({
      schema: 1,
      error: {
        code: 'UNKNOWN_KEY',
        message: 'unknown key "storge_class" in minio',
        file,
        line: 4,
        column: 3,
        hint: 'did you mean "storage_class"?',
      },
    });
  });

  it('holds the other errors', () => {
    const { out } = printed(configError('A', 'a', { others: [configError('B', 'b')] }), { output: 'json' });
    expect(JSON.parse(out).error.others).toMatchObject([{ code: 'B', message: 'b', file: '', line: 0 }]);
  });
});

describe('secrets', () => {
  it('are in neither form', () => {
    registerSecrets('p4ss"word-of-error');
    const error = new DatamillError('X', 'login with p4ss"word-of-error failed', {
      cause: new Error('p4ss"word-of-error'),
    });
    for (const options of [{ verbose: true }, { output: 'json' as const }]) {
      expect(printed(error, options).out).not.toContain('word-of-error');
    }
  });
});
