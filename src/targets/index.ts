import { refusedError } from '../errors.ts';
import type { Driver } from './contract.ts';
import { aws } from './aws.ts';
import { azure } from './azure.ts';
import { gke } from './gke.ts';
import { hybrid } from './hybrid.ts';
import { k3s } from './k3s.ts';
import { kind } from './kind.ts';
import { microk8sTarget } from './microk8s.ts';
import { minikube } from './minikube.ts';
import { rehearsal } from './rehearsal.ts';
import { ssh } from './ssh.ts';

/** Every driver; adding one is its file and its name here. */
export const drivers: readonly Driver[] = [
  rehearsal,
  hybrid,
  minikube,
  microk8sTarget,
  kind,
  k3s,
  ssh,
  aws,
  gke,
  azure,
];

/** @throws NO_DRIVER, exit code 3, when no driver has that name. */
export function driverFor(name: string): Driver {
  const driver = drivers.find((candidate) => candidate.name === name);
  if (driver !== undefined) return driver;
  const names = drivers.map((candidate) => candidate.name).join(', ');
  throw refusedError('NO_DRIVER', `There is no driver for ${name} targets yet.`, {
    hint: `There are ${names}. A cluster that runs already can be used with \`hybrid\`: name its kubeconfig and context.`,
  });
}
