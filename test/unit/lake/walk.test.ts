import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bucketFolders, walk } from '../../../src/lake/walk.ts';

let root: string;
let data: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'walk-'));
  data = join(root, 'data');
  mkdirSync(join(data, 'bucket', 'sub'), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const put = (name: string, text = 'x') => writeFileSync(join(data, 'bucket', name), text);
const link = (to: string, name: string) => symlinkSync(to, join(data, 'bucket', name));

async function found() {
  const { files, leftOut } = await walk(data, 'bucket');
  return {
    keys: files.map(({ key }) => key),
    refused: Object.fromEntries(leftOut.filter((one) => one.refused).map(({ key, reason }) => [key, reason])),
    skipped: Object.fromEntries(
      leftOut.filter((one) => !one.refused).map(({ key, reason }) => [key, reason]),
    ),
  };
}

describe('the folders that are buckets', () => {
  it('are neither files nor hidden', () => {
    writeFileSync(join(data, 'README.md'), '');
    mkdirSync(join(data, '.git'));
    mkdirSync(join(data, '__pycache__'));
    mkdirSync(join(data, 'another'));

    expect(bucketFolders(data)).toEqual(['another', 'bucket']);
  });
});

describe('what is in a folder', () => {
  it('is named as it is: spaces, dots, both forms of an accent, line ends', async () => {
    const names = ['a..b', 'e\u0301.txt', '\u00e9.txt', 'new\nline', 'sub/with space+&%.txt', '...x'];
    for (const name of names) put(name);

    const { keys, skipped } = await found();

    expect(keys.sort()).toEqual(names.filter((name) => name !== '...x').sort());
    expect(skipped).toEqual({ '...x': expect.stringContaining('hidden') });
  });

  it('follows links that stay inside, and refuses others by name', async () => {
    put('sub/real.txt');
    mkdirSync(join(data, 'other'));
    writeFileSync(join(data, 'other', 'far.txt'), 'far');
    writeFileSync(join(root, 'secret'), 'secret');
    mkdirSync(join(root, 'outside'));
    link('sub/real.txt', 'inside.txt');
    link('../other', 'folder');
    link(join(root, 'secret'), 'absolute');
    link('../../outside', 'leads-out');
    link('../../secret', 'up-and-out');
    link('nowhere', 'dangling');
    link('.', 'circle');
    link('self', 'self');

    const { keys, refused } = await found();

    expect(keys).toEqual(['folder/far.txt', 'inside.txt', 'sub/real.txt']);
    expect(refused).toEqual({
      absolute: expect.stringMatching(/leads out of the data folder, to .*secret/),
      'up-and-out': expect.stringMatching(/leads out/),
      'leads-out/': expect.stringMatching(/leads out/),
      dangling: expect.stringMatching(/what is not there/),
      'circle/': expect.stringMatching(/circle/),
      self: expect.stringMatching(/circle/),
    });
  });

  it('leaves out what is no file, by name', async () => {
    execFileSync('sh', ['-c', 'mkfifo "$0"', join(data, 'bucket', 'pipe')]);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(data, 'bucket', 'socket'), resolve));

    const { skipped, refused, keys } = await found();
    server.close();

    expect(skipped).toEqual({ pipe: 'it is a pipe', socket: 'it is a socket' });
    expect([refused, keys]).toEqual([{}, []]);
  });

  it('refuses names that are not UTF-8, and those that are too long', async () => {
    writeFileSync(Buffer.concat([Buffer.from(join(data, 'bucket', 'bad')), Buffer.from([0xff])]), '');
    const folder = join('bucket', ...Array.from({ length: 5 }, () => 'd'.repeat(240)));
    mkdirSync(join(data, folder), { recursive: true });
    writeFileSync(join(data, folder, 'file'), '');

    const { refused, keys } = await found();

    expect(Object.values(refused)).toEqual([
      expect.stringMatching(/not UTF-8/),
      expect.stringMatching(/1024 bytes/),
    ]);
    expect(keys).toEqual([]);
  });

  it('leaves out what .datamillignore says, in folders too', async () => {
    put('.datamillignore', '*.tmp\nsub/\n');
    put('a.tmp');
    put('a.csv');
    put('sub/inside.csv');

    const { keys, skipped } = await found();

    expect(keys).toEqual(['a.csv']);
    expect(Object.keys(skipped).sort()).toEqual(['.datamillignore', 'a.tmp', 'sub/']);
  });

  it.skipIf(process.getuid?.() === 0)('refuses what may not be read', async () => {
    chmodSync(join(data, 'bucket', 'sub'), 0);

    expect((await found()).refused).toEqual({ 'sub/': expect.stringMatching(/may not read/) });
  });
});
