import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openCatalogue } from '../../src/catalogue/catalogue.ts';
import { exec } from '../../src/util/exec.ts';
import { packageRoot } from '../../src/util/paths.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'datamill-new-component-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function start(...args: string[]) {
  return exec(process.execPath, [join(packageRoot, 'scripts', 'new-component.js'), ...args]);
}

it('starts a component that the catalogue accepts', async () => {
  const { exitCode, stdout } = await start('data-lake', folder);

  expect({ exitCode, stdout }).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('data-lake/component.yaml'),
  });
  expect((await readdir(join(folder, 'data-lake'))).sort()).toEqual(
    (await readdir(join(packageRoot, 'components', '_template'))).sort(),
  );
  const { spec, document } = openCatalogue([folder]).get('data-lake');
  expect(spec.chart).toMatchObject({ name: 'data-lake' });
  expect(JSON.stringify(document.data)).not.toContain('NAME');
});

it('never writes over a component', async () => {
  await start('lake', folder);

  expect(await start('lake', folder)).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('is there already'),
  });
});

it.each([
  ['no name', []],
  ['an option', ['--help']],
  ['capitals', ['Lake']],
  ['a path', ['../lake']],
  ['a trailing dash', ['lake-']],
  ['a name that no release could have', ['a'.repeat(54)]],
  ['a word of flavour files', ['project']],
])('refuses %s', async (_, args) => {
  const { exitCode, stderr } = await start(...args, ...(args.length === 0 ? [] : [folder]));

  expect(exitCode).toBe(2);
  expect(stderr).not.toBe('');
  expect(await readdir(folder)).toEqual([]);
});
