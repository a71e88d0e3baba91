import { existsSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { bzip2Of, gzipOf, type TarEntry, tarOf } from '../../helpers/archives.ts';
import { describe, expect, it } from 'vitest';
import { Budget, unpack } from '../../../src/runner/artifacts/archive.ts';
import { fingerprint, packTo, survey } from '../../../src/runner/artifacts/pack.ts';
import { workspace } from '../../helpers/workspace.ts';

const stream = (bytes: Buffer) => Readable.from([bytes], { objectMode: false });

/** Unpacks into `in/` of a folder with something beside it. */
async function unpacked(bytes: Buffer, budget = 10_000_000): Promise<string> {
  const folder = workspace({ outside: 'untouched' });
  try {
    await unpack(stream(bytes), join(folder, 'in'), new Budget(budget));
  } finally {
    expect(readdirSync(folder).sort()).toEqual(['in', 'outside']);
    expect(readFileSync(join(folder, 'outside'), 'utf8')).toBe('untouched');
  }
  return join(folder, 'in');
}

describe('an archive', () => {
  it.each([
    ['tar', async (bytes: Buffer) => bytes],
    ['tar.gz', gzipOf],
    ['tar.bz2', bzip2Of],
  ])('of the kind %s is unpacked, whatever its name', async (_kind, compress) => {
    const tar = await tarOf([
      { name: './a/b.txt', body: 'hello' },
      { name: 'run.sh', body: '#!/bin/sh', mode: 0o755 },
      { name: 'link', type: 'symlink', linkname: 'a/b.txt' },
      { name: 'hard', type: 'link', linkname: 'a/b.txt' },
    ]);
    const folder = await unpacked(await compress(tar));
    for (const name of ['a/b.txt', 'link', 'hard'])
      expect(readFileSync(join(folder, name), 'utf8')).toBe('hello');
    expect(statSync(join(folder, 'run.sh')).mode & 0o111).not.toBe(0);
  });

  it.each<[string, TarEntry[]]>([
    ['climbs', [{ name: '../evil', body: 'x' }]],
    ['climbs in the middle', [{ name: 'a/../../evil', body: 'x' }]],
    ['is absolute', [{ name: '/tmp/evil', body: 'x' }]],
    ['links out', [{ name: 'l', type: 'symlink', linkname: '../outside' }]],
    ['links to an absolute path', [{ name: 'l', type: 'symlink', linkname: '/etc/passwd' }]],
    [
      'links out by a link',
      [
        { name: 'd/e/f/x', body: '' },
        { name: 'd/e/f/l', type: 'symlink', linkname: '../../../d' },
        { name: 'k', type: 'symlink', linkname: 'd/e/f/l/../../outside' },
      ],
    ],
    [
      'is written through a link',
      [
        { name: 'a/x', body: '' },
        { name: 'l', type: 'symlink', linkname: 'a' },
        { name: 'l/evil', body: 'x' },
      ],
    ],
    ['is a hard link out', [{ name: 'h', type: 'link', linkname: '../outside' }]],
    [
      'is a hard link to a link',
      [
        { name: 'l', type: 'symlink', linkname: 'x' },
        { name: 'h', type: 'link', linkname: 'l' },
      ],
    ],
    ['is a device', [{ name: 'dev', type: 'character-device' }]],
    ['is a pipe', [{ name: 'fifo', type: 'fifo' }]],
  ])('with an entry that %s is refused', async (_what, entries) => {
    await expect(unpacked(await tarOf(entries))).rejects.toMatchObject({ code: 'HOSTILE_ARCHIVE' });
  });

  it('replaces a link by a file of the same name, instead of writing through it', async () => {
    const folder = await unpacked(
      await tarOf([
        { name: 'target', body: 'kept' },
        { name: 'x', type: 'symlink', linkname: 'target' },
        { name: 'x', body: 'new' },
      ]),
    );
    expect(readFileSync(join(folder, 'target'), 'utf8')).toBe('kept');
  });

  it('that grows when it is unpacked keeps to the budget', async () => {
    const bomb = await gzipOf(await tarOf([{ name: 'zeros', body: Buffer.alloc(20_000_000) }]));
    expect(bomb.length).toBeLessThan(50_000);
    await expect(unpacked(bomb)).rejects.toMatchObject({ code: 'DISK_BUDGET' });
  });

  it('with very many empty files keeps to the budget', async () => {
    const many = await tarOf(Array.from({ length: 1000 }, (_, at) => ({ name: `d/${at}`, body: '' })));
    await expect(unpacked(many, 400_000)).rejects.toMatchObject({ code: 'DISK_BUDGET' });
  });

  it.each([
    ['cut', async () => (await tarOf([{ name: 'a', body: Buffer.alloc(5000) }])).subarray(0, 2000)],
    ['of no known kind', async () => Buffer.from('this is no archive at all, '.repeat(100))],
    ['damaged', async () => Buffer.concat([Buffer.from([0x1f, 0x8b]), Buffer.alloc(500, 7)])],
  ])('that is %s is refused', async (_what, make) => {
    await expect(unpacked(await make())).rejects.toMatchObject({ code: 'BAD_ARCHIVE' });
  });
});

describe('a folder', () => {
  it.each(['x.tar', 'x.tar.gz', 'x.tar.bz2'])('comes back from %s as it was', async (name) => {
    const folder = workspace({ 'in/a/b': 'hello', 'in/empty': '', 'in/big': Buffer.alloc(3_000_000, 5) });
    symlinkSync('a/b', join(folder, 'in/link'));
    await packTo(join(folder, name), name, await survey(join(folder, 'in')));
    await unpack(stream(readFileSync(join(folder, name))), join(folder, 'out'), new Budget(1e7));
    expect(readFileSync(join(folder, 'out/link'), 'utf8')).toBe('hello');
    expect(readFileSync(join(folder, 'out/big')).equals(Buffer.alloc(3_000_000, 5))).toBe(true);
    expect(existsSync(join(folder, 'out/empty'))).toBe(true);
  });

  it('has another fingerprint when anything in it changes', async () => {
    const folder = workspace({ a: '1', b: '2' });
    const before = fingerprint(await survey(folder));
    expect(fingerprint(await survey(folder))).toBe(before);
    writeFileSync(join(folder, 'b'), '3');
    expect(fingerprint(await survey(folder))).not.toBe(before);
  });
});
