import { refusedError } from '../errors.ts';
import type { Driver } from './contract.ts';
import { hybrid } from './hybrid.ts';
import { rehearsal } from './rehearsal.ts';

const drivers: readonly Driver[] = [rehearsal, hybrid];

/** @throws NO_DRIVER, exit code 3, when no driver has that name yet. */
export function driverFor(name: string): Driver {
  const driver = drivers.find((candidate) => candidate.name === name);
  if (driver !== undefined) return driver;
  const names = drivers.map((candidate) => candidate.name).join(' and ');
  throw refusedError('NO_DRIVER', `There is no driver for ${name} targets yet.`, {
    hint: `There are ${names}. A cluster that runs already can be used with \`hybrid\`: name its kubeconfig and context.`,
  });
}
