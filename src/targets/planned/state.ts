import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { configError } from '../../errors.ts';
import { writeAtomically } from '../../util/atomic.ts';
import { stateFolder } from '../../util/paths.ts';

/** What this machine keeps of a cluster that datamill made: private, and gone with the cluster. */
export interface Kept {
  root: string;
  kubeconfig: string;
  marker: string;
  lock: string;
}

/** @throws INVALID_NAME, exit code 2, for what no cluster can be called. */
export function keptOf(driver: string, name: string): Kept {
  if (!/^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/.test(name)) {
    throw configError('INVALID_NAME', `${JSON.stringify(name)} cannot be the name of a ${driver} cluster.`, {
      hint: 'Use up to 40 lower-case letters, digits and hyphens, starting and ending with a letter or digit.',
    });
  }
  const root = stateFolder('targets', driver, name);
  return {
    root,
    kubeconfig: join(root, 'kubeconfig.yaml'),
    marker: join(root, 'cluster.json'),
    lock: `${root}.lock`,
  };
}

/** `begun`: being made by us, or cut short in it; `made`: complete. Undefined: not ours. */
export type Mark = 'begun' | 'made' | undefined;

export async function readMark({ marker }: Kept): Promise<Mark> {
  try {
    return (JSON.parse(await readFile(marker, 'utf8')) as { state: Mark }).state;
  } catch {
    return undefined;
  }
}

export async function writeMark({ root, marker }: Kept, state: 'begun' | 'made'): Promise<void> {
  await mkdir(root, { recursive: true, mode: 0o700 });
  await writeAtomically(marker, `${JSON.stringify({ state })}\n`, 0o600);
}

export async function forget({ root }: Kept): Promise<void> {
  await rm(root, { recursive: true, force: true });
}
