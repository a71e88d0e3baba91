import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatamillError } from '../../errors.ts';
import { exec } from '../../util/exec.ts';
import { withLock } from '../../util/lock.ts';
import type { Request } from '../request.ts';

export interface VirtualenvOptions {
  /** Folder in which environments are kept. */
  cache: string;
  signal: AbortSignal;
  doing(what: string): void;
}

/** Environments that are kept; the ones unused for longest go. */
const KEPT = 20;
/** Of packages that a client found on its own machine and that are in no registry. */
const NOT_PACKAGES = /^(pkg[-_]resources)\b/;

/** The packages that a request asks for, as the reference reads them; those of `config.pip` come last. */
function packagesOf({ experiment, config }: Request): string[] {
  const wanted = [...(experiment.pythonenv ?? []), ...(config.pip ?? [])].map((one) => one.trim());
  return [...new Set(wanted.filter((one) => one !== '' && !NOT_PACKAGES.test(one)))];
}

/**
 * The Python with the packages of a request: made once per version and packages, by uv where there
 * is one, else by pip.
 *
 * @throws {DatamillError} NO_PYTHON, PIP_FAILED, BAD_PACKAGE.
 */
export async function pythonFor(request: Request, options: VirtualenvOptions): Promise<string> {
  const base = await basePython(String(request.experiment.pythonver ?? '3'));
  const packages = packagesOf(request);
  if (packages.length === 0) return base;
  const bad = packages.find((one) => /^-(?!e |-editable )|[\n\r\0]/.test(one));
  if (bad !== undefined)
    throw new DatamillError('BAD_PACKAGE', `"${bad.slice(0, 100)}" is an option, not a package`);
  const digest = createHash('sha256')
    .update(JSON.stringify([base, packages]))
    .digest('hex')
    .slice(0, 24);
  const home = join(options.cache, digest);
  const python = join(home, 'bin', 'python');
  const whole = join(home, '.complete');
  if (!existsSync(whole)) {
    await withLock(`${home}.lock`, { signal: options.signal }, async () => {
      if (existsSync(whole)) return;
      await rm(home, { recursive: true, force: true });
      await make(home, base, packages, options);
      await writeFile(whole, packages.join('\n'));
      await prune(options.cache, digest);
    });
  }
  await utimes(whole, new Date(), new Date()).catch(() => undefined);
  return python;
}

async function make(
  home: string,
  base: string,
  packages: string[],
  { signal, doing, cache }: VirtualenvOptions,
) {
  await mkdir(cache, { recursive: true });
  const uv = (await exec('uv', ['--version']).catch(() => undefined))?.exitCode === 0;
  doing(`installing ${packages.length} packages with ${uv ? 'uv' : 'pip'}`);
  const python = join(home, 'bin', 'python');
  const list = join(cache, `${home.slice(-24)}.txt`);
  await writeFile(list, `${packages.join('\n')}\n`);
  const steps: Array<[string, string[]]> = uv
    ? [
        ['uv', ['venv', '--quiet', '--python', base, home]],
        ['uv', ['pip', 'install', '--quiet', '--python', python, '-r', list]],
      ]
    : [
        [base, ['-m', 'venv', home]],
        [
          python,
          ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input', '-r', list],
        ],
      ];
  for (const [program, args] of steps) {
    const { exitCode, stderr, stdout } = await exec(program, args, { signal, killAfter: 5_000 });
    if (exitCode === 0) continue;
    await rm(home, { recursive: true, force: true });
    const why = (stderr.trim() || stdout.trim()).split('\n').slice(-5).join('\n');
    throw new DatamillError('PIP_FAILED', `the packages of the experiment cannot be installed:\n${why}`);
  }
}

const found = new Map<string, Promise<string>>();

/** An interpreter of the wanted version; the plain one when its version begins like it. */
function basePython(version: string): Promise<string> {
  let looking = found.get(version);
  if (looking === undefined) {
    looking = findPython(version);
    looking.catch(() => found.delete(version));
    found.set(version, looking);
  }
  return looking;
}

async function findPython(version: string): Promise<string> {
  if (!/^\d+(\.\d+){0,2}$/.test(version) && version !== 'unknown')
    throw new DatamillError('NO_PYTHON', `"${version.slice(0, 40)}" is no version of Python`);
  const [major = '3', minor] = version === 'unknown' ? ['3'] : version.split('.');
  const names = minor === undefined ? [`python${major}`] : [`python${major}.${minor}`, `python${major}`];
  for (const name of names) {
    const asked = await exec(name, ['-c', 'import sys; print(sys.executable)']).catch(() => undefined);
    if (asked?.exitCode === 0) return asked.stdout.trim();
  }
  throw new DatamillError(
    'NO_PYTHON',
    `there is no python${major} on this machine for pythonver "${version}"`,
  );
}

async function prune(cache: string, current: string): Promise<void> {
  const names = (await readdir(cache)).filter((name) => /^[0-9a-f]{24}$/.test(name) && name !== current);
  const used = await Promise.all(
    names.map(async (name) => ({
      name,
      at: (await stat(join(cache, name, '.complete')).catch(() => undefined))?.mtimeMs ?? 0,
    })),
  );
  const old = used.sort((a, b) => b.at - a.at).slice(KEPT - 1);
  // One that was used today may be in use still.
  for (const { name, at } of old)
    if (Date.now() - at > 24 * 3600_000) await rm(join(cache, name), { recursive: true, force: true });
}
