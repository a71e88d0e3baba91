import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { exec } from '../../src/util/exec.ts';
import { withLock } from '../../src/util/lock.ts';
import { cacheFolder } from '../../src/util/paths.ts';

/** Programs of Debian packages, unpacked into a folder of the cache: nothing is installed. */
export interface DebianPackages {
  /** Whether there is what unpacks them, or what an earlier run has unpacked. */
  available(): boolean;
  /** Downloads and unpacks them if need be, once on this machine; gives the folder. */
  unpack(): Promise<string>;
}

/** @param names of the packages, and of those that they need and a plain Debian lacks. */
export function debianPackages(name: string, names: readonly string[]): DebianPackages {
  const folder = () => {
    const made = createHash('sha256').update([release(), process.arch, ...names].join('\n'));
    return cacheFolder('test', `${name}-${made.digest('hex').slice(0, 16)}`);
  };
  return {
    available: () => existsSync(folder()) || ['apt-get', 'dpkg-deb'].every(has),
    async unpack() {
      if (existsSync(folder())) return folder();
      await mkdir(cacheFolder('test'), { recursive: true });
      return await withLock(`${folder()}.lock`, {}, async () => {
        if (!existsSync(folder())) await make(folder(), names);
        return folder();
      });
    },
  };
}

async function make(folder: string, names: readonly string[]): Promise<void> {
  const work = await mkdtemp(`${folder}.tmp-`);
  try {
    const root = join(work, 'root');
    await download(work, names);
    for (const file of (await readdir(work)).filter((one) => one.endsWith('.deb')))
      await call('dpkg-deb', ['-x', file, root], work);
    await rename(root, folder);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function download(cwd: string, names: readonly string[]): Promise<void> {
  const get = () => call('apt-get', ['download', '-qq', ...names], cwd);
  try {
    await get();
  } catch (error) {
    // Only CI's lists of packages are renewed because its tests run.
    if (process.env.CI !== 'true' || process.getuid?.() !== 0) throw error;
    await call('apt-get', ['update', '-qq'], cwd);
    await get();
  }
}

async function call(file: string, args: readonly string[], cwd: string): Promise<void> {
  const { exitCode, stderr } = await exec(file, args, { cwd });
  if (exitCode !== 0) throw new Error(`${file} ended with ${exitCode}: ${stderr.slice(-2000)}`);
}

function release(): string {
  try {
    return readFileSync('/etc/os-release', 'utf8');
  } catch {
    return '';
  }
}

function has(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)));
}
