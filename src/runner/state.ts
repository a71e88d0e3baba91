import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** For all runners; one named after a host is for that one. */
const GLOBAL = 'studioml-go-runner';

/**
 * Whether a ConfigMap asks this runner to take no more: its key `STATE` says `DrainAndSuspend`, as
 * in the reference. The ConfigMaps are mounted as folders of their names; one of this host counts first.
 */
export function isSuspended(folder: string | undefined, host: string): boolean {
  if (!folder) return false;
  return (read(join(folder, host, 'STATE')) ?? read(join(folder, GLOBAL, 'STATE'))) === 'DrainAndSuspend';
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}
