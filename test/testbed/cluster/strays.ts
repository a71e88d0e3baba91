import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { writeAtomically } from '../../../src/util/atomic.ts';
import { state } from '../layout.ts';

/** Folders whose names the kubelet, containerd and the network's library have built in. */
export const strays = [
  '/opt/containerd',
  '/run/containerd',
  '/var/lib/cni',
  '/var/lib/kubelet',
  '/var/log/containers',
  '/var/log/pods',
] as const;

function noted(): string {
  return state('strays.json');
}

/** Writes down, before anything starts, which of the folders are not there: these are ours. */
export async function noteStrays(): Promise<void> {
  if (existsSync(noted())) return;
  await writeAtomically(noted(), JSON.stringify(strays.filter((path) => !existsSync(path))));
}

export async function removeStrays(): Promise<void> {
  for (const path of await ownStrays()) await rm(path, { recursive: true, force: true });
  await rm(noted(), { force: true });
}

/** The folders that only the testbed uses. */
export async function ownStrays(): Promise<string[]> {
  const text = await readFile(noted(), 'utf8').catch(() => '[]');
  return (JSON.parse(text) as string[]).filter((path) => (strays as readonly string[]).includes(path));
}
