import { readFileSync } from 'node:fs';
import { exec } from '../../../src/util/exec.ts';
import { call } from '../call.ts';

/** Mount points of the machine below any of the folders, the deepest last. */
function mountsBelow(folders: readonly string[]): string[] {
  return allMounts().filter((path) =>
    folders.some((folder) => path === folder || path.startsWith(`${folder}/`)),
  );
}

export function allMounts(): string[] {
  // proc(5): the fifth field is the mount point, with spaces and the like as octal numbers.
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .flatMap((line) => line.split(' ')[4] ?? [])
    .map((path) =>
      path.replace(/\\(\d{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8))),
    );
}

/** Unmounts everything below the folders; what is still in use goes as soon as it is not. */
export async function unmountBelow(folders: readonly string[]): Promise<void> {
  for (const path of mountsBelow(folders).reverse()) {
    if ((await exec('umount', [path])).exitCode !== 0) await call('umount', ['--lazy', path]);
  }
}
