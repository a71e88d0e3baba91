import { existsSync } from 'node:fs';
import { kubeconfig } from './layout.ts';
import { isRunning } from './processes.ts';

const daemons = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'containerd',
  'kubelet',
  'kube-proxy',
] as const;

export interface Status {
  /** All daemons run. */
  up: boolean;
  daemons: Record<string, boolean>;
}

export async function status(): Promise<Status> {
  const running = await Promise.all(daemons.map(async (name) => [name, await isRunning(name)] as const));
  return {
    up: existsSync(kubeconfig()) && running.every(([, runs]) => runs),
    daemons: Object.fromEntries(running),
  };
}
