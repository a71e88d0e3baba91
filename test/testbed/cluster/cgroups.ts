import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../call.ts';
import { end } from '../processes.ts';

/** Pods live below a group of our own, so that all of them can be found, and no others. */
export const cgroupRoot = '/datamill-testbed';

/** Ours in version 2, and in every controller of version 1; runc makes one wherever there is a mount. */
function roots(): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => /^cgroup2?$/.test(line.split(' - ')[1]?.split(' ')[0] ?? ''))
    .map((line) => join(line.split(' ')[4]!, cgroupRoot));
}

/** The kubelet wants the group to be there. */
export async function makeCgroups(): Promise<void> {
  for (const folder of roots()) await mkdir(folder, { recursive: true });
}

/** Ends what still runs in pods, and removes their groups. */
export async function removeCgroups(): Promise<void> {
  for (const root of roots().filter(existsSync)) {
    const folders = [root, ...below(root)];
    await end(folders.flatMap(membersOf), 0);
    for (const folder of folders.reverse()) {
      await until(
        async () => (await rmdir(folder).catch((error: NodeJS.ErrnoException) => error.code)) !== 'EBUSY',
        5,
        () => `the control group ${folder} is still in use`,
      );
    }
  }
}

function below(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => [join(folder, name), ...below(join(folder, name))]);
}

function membersOf(folder: string): number[] {
  return readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
}
