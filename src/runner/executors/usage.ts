import { readdirSync, readFileSync } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Size of a page of memory; proc(5) counts in pages. */
const PAGE = 4096;

/** Bytes of memory that a process group holds; 0 where there is no /proc. */
export function groupMemory(group: number): number {
  let total = 0;
  for (const entry of list('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = read(`/proc/${entry}/stat`);
    // After the name, which is in parentheses: state, parent, group, … and 22 fields on: pages.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (Number(fields[2]) === group) total += Number(fields[21] ?? 0) * PAGE;
  }
  return total;
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** Bytes that a folder takes on the disk. */
export async function folderSize(folder: string): Promise<number> {
  let total = 0;
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) total += await folderSize(path);
    else total += 512 * ((await lstat(path).catch(() => undefined))?.blocks ?? 0);
  }
  return total;
}
