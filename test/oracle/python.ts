import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { exec } from '../../src/util/exec.ts';
import { cacheFolder, packageRoot } from '../../src/util/paths.ts';

const folder = join(packageRoot, 'test', 'oracle');

type Found = { python: string } | { missing: string };

/** The Python that has Ploomber and Hera: DATAMILL_ORACLE_PYTHON, else one that is made once. */
export async function oraclePython(): Promise<Found> {
  const given = process.env.DATAMILL_ORACLE_PYTHON;
  return given === undefined ? await pythonWith('requirements.txt') : { python: given };
}

/**
 * A Python that is made once per list of requirements, in the cache.
 *
 * @param list a file beside this one.
 * @returns why, where Python or its packages cannot be had.
 */
export async function pythonWith(list: string): Promise<Found> {
  const requirements = join(folder, list);
  const digest = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 16);
  const home = cacheFolder('oracle', digest);
  const python = join(home, 'bin', 'python');
  if (existsSync(join(home, '.complete'))) return { python };
  const found = await exec('python3', ['-c', 'import venv, ensurepip']).catch(() => undefined);
  if (found?.exitCode !== 0) return { missing: 'there is no python3 with venv' };
  // Environments cannot be moved: one that is half made is made again.
  const lock = `${home}.making`;
  await mkdir(dirname(home), { recursive: true });
  await rm(home, { recursive: true, force: true });
  const made = await exec('python3', ['-m', 'venv', home]);
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements];
  const installed = made.exitCode === 0 ? await exec(python, pip) : made;
  if (installed.exitCode !== 0)
    return { missing: `pip cannot install ${list}: ${lastLine(installed.stderr)}` };
  await writeFile(lock, '');
  await rename(lock, join(home, '.complete'));
  return { python };
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}

/** Runs one of the scripts beside this file. */
export async function ask(python: string, script: string, args: string[], input = ''): Promise<unknown[]> {
  const { exitCode, stdout, stderr } = await exec(python, [join(folder, script), ...args], {
    input,
    env: { PYTHONDONTWRITEBYTECODE: '1' },
  });
  if (exitCode !== 0) throw new Error(`${script} ended with ${exitCode}: ${stderr.slice(-2000)}`);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);
}
