import { readFile } from 'node:fs/promises';
import satisfies from 'semver/functions/satisfies.js';
import { describe, expect, it } from 'vitest';
import { publishedDigest } from '../../../src/tools/checksum.ts';
import { programOf } from '../../../src/tools/store.ts';
import { loadTable, moduleFolder, settingOf } from '../../../src/tools/table.ts';

describe('tools.yaml', () => {
  it('wants versions that it accepts itself', async () => {
    for (const [name, row] of Object.entries((await loadTable()).tools)) {
      expect(satisfies(row.version, row.accept), name).toBe(true);
    }
  });

  it('names the versions that the Go modules pin, in the module files and in the build flags', async () => {
    const table = await loadTable();
    for (const [name, row] of Object.entries(table.tools)) {
      const goMod = await readFile(moduleFolder(`${row.build.module}/go.mod`), 'utf8');
      const goModule = goMod
        .split('\n')
        .map((line) =>
          line
            .trim()
            .replace(/^require /, '')
            .split(' '),
        )
        .find(([path]) => path !== undefined && `${row.build.package}/`.startsWith(`${path}/`));
      expect(goModule?.[1], name).toBe(`v${row.version}`);
      if (name === 'etcd') continue; // It knows its version without flags.
      expect(table.modules[row.build.module]?.ldflags.join(' '), name).toContain(`=v${row.version}`);
    }
  });

  it('downloads over https only', async () => {
    for (const { release } of Object.values((await loadTable()).tools)) {
      expect([release.url, release.checksum].every((url) => url.startsWith('https://'))).toBe(true);
    }
  });
});

describe('published digests', () => {
  const a = 'a'.repeat(64);
  const b = 'b'.repeat(64);

  it.each([
    ['a bare digest', `${a}\n`, a],
    ['one line with the name', `${a}  tool.tar.gz\n`, a],
    ['the line of the file among others', `${b}  other\n${a.toUpperCase()} *tool.tar.gz\n`, a],
    [
      'a release description',
      JSON.stringify({ assets: [{ name: 'tool.tar.gz', digest: `sha256:${a}` }] }),
      a,
    ],
    ['lines for other files only', `${b}  other\n`, undefined],
    ['a page that is no digest', '<html>\nlogin</html>', undefined],
    [
      'a release without digests',
      JSON.stringify({ assets: [{ name: 'tool.tar.gz', digest: null }] }),
      undefined,
    ],
    ['a digest that is too short', 'abc', undefined],
  ])('reads %s', (_, text, digest) => {
    expect(publishedDigest(text, 'tool.tar.gz')).toBe(digest);
  });
});

it('knows what go build calls a program', () => {
  expect(programOf('k8s.io/kubernetes/cmd/kubectl')).toBe('kubectl');
  expect(programOf('go.etcd.io/etcd/server/v3')).toBe('server');
});

it('derives the setting from the name', () => {
  expect(settingOf('kube-apiserver')).toBe('DATAMILL_KUBE_APISERVER');
});
