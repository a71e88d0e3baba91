import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { throwIfAborted } from '../../../src/util/abort.ts';
import { runGroup } from '../../../src/util/group.ts';
import type { Say } from '../call.ts';
import { cache } from '../layout.ts';
import { type ImageSpec, readSpec } from './spec.ts';

const building = new Map<string, Promise<string>>();

/** The root file system of an image of the kind `debootstrap` or `toolbox`, made if need be, once for all who ask. */
export async function rootfs(name: string, say: Say, signal?: AbortSignal): Promise<string> {
  const spec = await readSpec(name);
  const folder = cache('rootfs', `${name}@${spec.digest}`);
  if (existsSync(folder)) return folder;
  const made = building.get(folder) ?? make(spec, folder, say, signal);
  building.set(folder, made);
  return made.finally(() => building.delete(folder));
}

function systemOf({ name, content }: ImageSpec): { suite: string; packages: string[] } {
  if ('debootstrap' in content) return content.debootstrap;
  if ('toolbox' in content) return content.toolbox;
  throw new Error(`${name} has no root file system`);
}

async function make(spec: ImageSpec, folder: string, say: Say, signal?: AbortSignal): Promise<string> {
  const { suite, packages } = systemOf(spec);
  await mkdir(cache('rootfs'), { recursive: true });
  for (const old of await readdir(cache('rootfs'))) {
    if (old.startsWith(`${spec.name}@`)) await rm(cache('rootfs', old), { recursive: true, force: true });
  }
  const since = performance.now();
  say(`making ${suite} with ${packages.join(', ')}`);
  const work = await mkdtemp(`${folder}.`);
  try {
    const args = ['--variant=minbase', `--include=${packages.join(',')}`, suite, work];
    const result = await runGroup('debootstrap', args, {
      env: { DEBIAN_FRONTEND: 'noninteractive' },
      signal,
    });
    throwIfAborted(signal);
    if (result.exitCode !== 0)
      throw new Error(`debootstrap: ${(result.stdout + result.stderr).slice(-2_000)}`);
    // What mkdtemp made is for its owner only.
    await chmod(work, 0o755);
    await rename(work, folder);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  say(`made ${suite} in ${Math.round((performance.now() - since) / 1000)} s`);
  return folder;
}
