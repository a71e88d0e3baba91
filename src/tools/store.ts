import { chmod, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Tool } from './find.ts';
import { cachedPath, type ToolRow } from './table.ts';

/**
 * Moves a finished program into the cache in one step: whoever looks finds all of it or nothing.
 * `file` has to lie on the cache's file system. The caller holds the tool's lock.
 */
export async function store(name: string, row: ToolRow, file: string, source: Tool['source']): Promise<Tool> {
  const path = cachedPath(name, row.version);
  await mkdir(dirname(path), { recursive: true });
  await chmod(file, 0o755);
  await rename(file, path);
  return { name, path, version: row.version, source };
}

/** An empty folder in `parent`; those that killed processes left there are removed. */
export async function freshFolder(parent: string, prefix: string): Promise<string> {
  await mkdir(parent, { recursive: true });
  for (const entry of await readdir(parent)) {
    if (entry.startsWith(prefix)) await rm(join(parent, entry), { recursive: true, force: true });
  }
  const folder = join(parent, `${prefix}${process.pid}-${Date.now().toString(36)}`);
  await mkdir(folder);
  return folder;
}

/** The name that `go build -o folder/` gives to a package's program. */
export function programOf(goPackage: string): string {
  const last = basename(goPackage);
  return /^v\d+$/.test(last) ? basename(dirname(goPackage)) : last;
}
