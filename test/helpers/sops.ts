import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { exec } from '../../src/util/exec.ts';
import { withLock } from '../../src/util/lock.ts';
import { cacheFolder, packageRoot } from '../../src/util/paths.ts';

const module = join(packageRoot, 'test', 'toolchain', 'sops');

/** sops is built from source, so it takes a Go toolchain, or what an earlier run has built. */
export function canHaveSops(): boolean {
  return existsSync(program()) || spawnSync('go', ['version']).status === 0;
}

function program(): string {
  const digest = createHash('sha256')
    .update(readFileSync(join(module, 'go.sum')))
    .digest('hex');
  return join(cacheFolder('test', `sops-${digest.slice(0, 16)}`), 'sops');
}

/** Builds sops if need be, once on this machine: minutes when nothing of it was compiled before. */
export async function buildSops(): Promise<void> {
  if (existsSync(program())) return;
  const folder = join(program(), '..');
  await withLock(`${folder}.lock`, {}, async () => {
    if (existsSync(program())) return;
    const work = await mkdtemp(`${folder}.tmp-`);
    const args = ['build', '-trimpath', '-mod=readonly', '-ldflags', '-s -w', '-o', `${work}/`];
    const result = await exec('go', [...args, 'github.com/getsops/sops/v3/cmd/sops'], {
      cwd: module,
      env: { CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: undefined },
    });
    if (result.exitCode !== 0) {
      await rm(work, { recursive: true, force: true });
      throw new Error(`sops cannot be built: ${result.stderr}`);
    }
    await rename(work, folder);
  });
}

/** Runs sops with keys of the test's own. */
export async function sops(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const own = { SOPS_AGE_KEY: undefined, SOPS_AGE_KEY_FILE: undefined, SOPS_DISABLE_VERSION_CHECK: '1' };
  const result = await exec(program(), args, { env: { ...own, ...env } });
  if (result.exitCode !== 0) throw new Error(`sops ${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
}
