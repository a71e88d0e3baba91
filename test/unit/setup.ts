import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { exec } from '../../src/util/exec.ts';
import { packageRoot } from '../../src/util/paths.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Folder of the bundled program, made for this run of the tests. */
    program: string;
  }
}

/** Bundles the program as it is now, beside dist/, which others may be using. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = join(packageRoot, 'node_modules', '.cache', `datamill-unit-${process.pid}`);
  const { exitCode, stderr } = await exec(process.execPath, ['scripts/build.js', folder], {
    cwd: packageRoot,
  });
  if (exitCode !== 0) throw new Error(`the program cannot be bundled: ${stderr}`);
  project.provide('program', folder);
  return () => rm(folder, { recursive: true, force: true });
}
