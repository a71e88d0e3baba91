import { chmod, cp, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { call } from './call.ts';

/** What is built is for this machine, and of the module alone. */
export const goEnvironment = {
  CGO_ENABLED: '0',
  GOWORK: 'off',
  GOFLAGS: undefined,
  GOOS: undefined,
  GOARCH: undefined,
};

/**
 * Copies a dependency of a module, as it is served, and lays the files of the folder `_patch` over it.
 *
 * @returns the go.mod that builds with the copy.
 */
export async function patchedModule(module: string, dependency: string, work: string): Promise<string> {
  const go = (...args: string[]) => call('go', args, { cwd: module, env: goEnvironment });
  const { Dir } = JSON.parse(await go('mod', 'download', '-json', dependency)) as { Dir: string };
  const copy = join(work, 'source');
  await mkdir(work, { recursive: true });
  await cp(Dir, copy, { recursive: true });
  await makeWritable(copy);
  await cp(join(module, '_patch'), copy, { recursive: true });
  for (const file of ['go.mod', 'go.sum']) await cp(join(module, file), join(work, file));
  await go('mod', 'edit', `-replace=${dependency}=${copy}`, join(work, 'go.mod'));
  return join(work, 'go.mod');
}

/** Nobody may write into folders of the module cache, nor into copies of them. */
async function makeWritable(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true }))
    if (entry.isDirectory()) await makeWritable(join(folder, entry.name));
}
