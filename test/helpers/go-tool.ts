import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { exec } from '../../src/util/exec.ts';
import { withLock } from '../../src/util/lock.ts';
import { cacheFolder, packageRoot } from '../../src/util/paths.ts';

/** A program of others that tests need, built from a pinned module of test/toolchain. */
export interface GoTool {
  /** Whether there is a Go toolchain, or what an earlier run has built. */
  available(): boolean;
  /** Builds it if need be, once on this machine: minutes when nothing of it was compiled before. */
  build(): Promise<void>;
  /** Whether it is built already. */
  isBuilt(): boolean;
  /** Where it is once it is built. */
  path(): string;
}

interface GoToolOptions {
  tags?: string;
  /** Values of string variables, as -X takes them. */
  variables?: readonly string[];
  /** Whether it is linked with C. */
  cgo?: boolean;
}

/**
 * @param module folder of test/toolchain; what is built is kept by the digest of its go.sum.
 * @param source the package with the program, whose last part is the program's name.
 */
export function goTool(
  module: string,
  source: string,
  { tags = '', variables = [], cgo = false }: GoToolOptions = {},
): GoTool {
  const cwd = join(packageRoot, 'test', 'toolchain', module);
  const path = () => {
    const digest = createHash('sha256')
      .update(readFileSync(join(cwd, 'go.sum')))
      .digest('hex');
    return join(cacheFolder('test', `${module}-${digest.slice(0, 16)}`), source.split('/').at(-1)!);
  };
  const build = async () => {
    if (existsSync(path())) return;
    const folder = join(path(), '..');
    await withLock(`${folder}.lock`, {}, async () => {
      if (existsSync(path())) return;
      const work = await mkdtemp(`${folder}.tmp-`);
      const ldflags = ['-s -w', ...variables.map((variable) => `-X ${variable}`)].join(' ');
      const how = ['-trimpath', '-mod=readonly', '-tags', tags, '-ldflags', ldflags];
      const args = ['build', ...how, '-o', `${work}/`, source];
      const env = { CGO_ENABLED: cgo ? '1' : '0', GOWORK: 'off', GOFLAGS: undefined };
      const result = await exec('go', args, { cwd, env });
      if (result.exitCode !== 0) {
        await rm(work, { recursive: true, force: true });
        throw new Error(`${module} cannot be built: ${result.stderr}`);
      }
      await rename(work, folder);
    });
  };
  const isBuilt = () => existsSync(path());
  return { isBuilt, available: () => isBuilt() || spawnSync('go', ['version']).status === 0, build, path };
}
