import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { exec } from '../../src/util/exec.ts';
import { withLock } from '../../src/util/lock.ts';
import { cacheFolder, packageRoot } from '../../src/util/paths.ts';
import { helmFlags } from './cluster.ts';

const module = join(packageRoot, 'test', 'toolchain', 'helm3');

/** Helm 3 is built from source, so it takes a Go toolchain, or what an earlier run has built. */
export function canHaveHelm3(): boolean {
  return existsSync(program()) || spawnSync('go', ['version']).status === 0;
}

function program(): string {
  const digest = createHash('sha256')
    .update(readFileSync(join(module, 'go.sum')))
    .digest('hex');
  return join(cacheFolder('test', `helm3-${digest.slice(0, 16)}`), 'helm');
}

/** Builds Helm 3 if need be, once on this machine: minutes when nothing of it was compiled before. */
export async function buildHelm3(): Promise<void> {
  if (existsSync(program())) return;
  const folder = join(program(), '..');
  await withLock(`${folder}.lock`, {}, async () => {
    if (existsSync(program())) return;
    const work = await mkdtemp(`${folder}.tmp-`);
    const args = ['build', '-trimpath', '-mod=readonly', '-ldflags', '-s -w', '-o', `${work}/`];
    const result = await exec('go', [...args, 'helm.sh/helm/v3/cmd/helm'], {
      cwd: module,
      env: { CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: undefined },
    });
    if (result.exitCode !== 0) {
      await rm(work, { recursive: true, force: true });
      throw new Error(`Helm 3 cannot be built: ${result.stderr}`);
    }
    await rename(work, folder);
  });
}

/** Runs Helm 3 on the shared cluster. */
export async function helm3(...args: string[]): Promise<string> {
  const result = await exec(program(), [...args, ...helmFlags()]);
  if (result.exitCode !== 0) throw new Error(`helm3 ${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
}
