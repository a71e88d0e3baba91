import { readFile, realpath, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import satisfies from 'semver/functions/satisfies.js';
import { writeAtomically } from '../util/atomic.ts';
import { exec } from '../util/exec.ts';
import { cacheFolder } from '../util/paths.ts';

interface Known {
  size: number;
  modified: number;
  version: string | null;
}

/**
 * What version a program says that it is, without the v; undefined when it cannot be run or says
 * none. Answers are kept by path, size and modification time, so that a program is asked once.
 */
export async function versionOf(path: string, args: readonly string[]): Promise<string | undefined> {
  const file = await realpath(path);
  const { size, mtimeMs } = await stat(file);
  // Version managers link many names to one program, which answers differently in every folder.
  if (!basename(file).includes(basename(path))) return ask(path, args);
  const known = (await readKnown())[path];
  if (known?.size === size && known.modified === mtimeMs) return known.version ?? undefined;
  const version = await ask(path, args);
  const all = { ...(await readKnown()), [path]: { size, modified: mtimeMs, version: version ?? null } };
  // Two writers at once lose one entry, which costs one more question later.
  await writeAtomically(knownFile(), JSON.stringify(all)).catch(() => {});
  return version;
}

export function isAccepted(version: string | undefined, range: string): boolean {
  return version !== undefined && satisfies(version, range);
}

function knownFile(): string {
  return cacheFolder('tool-versions.json');
}

async function readKnown(): Promise<Record<string, Known>> {
  try {
    return JSON.parse(await readFile(knownFile(), 'utf8')) as Record<string, Known>;
  } catch {
    return {};
  }
}

async function ask(path: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const result = await exec(path, args, { signal: AbortSignal.timeout(10_000), killAfter: 500 });
    const match = /\bv?(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?)/.exec(result.stdout + result.stderr);
    return result.exitCode === 0 ? match?.[1] : undefined;
  } catch {
    return undefined;
  }
}
