import { join } from 'node:path';
import { cacheFolder, packageRoot, stateFolder } from '../../src/util/paths.ts';

/** Addresses and ports that neither Kubernetes' own defaults nor the rehearsal uses. */
export const network = {
  bridge: 'dmtestbed0',
  pods: '10.222.0.0/24',
  gateway: '10.222.0.1',
  services: '10.223.0.0/16',
  api: '10.223.0.1',
  dns: '10.223.0.10',
} as const;

export const ports = {
  apiserver: 26443,
  etcd: 26379,
  etcdPeer: 26380,
  kubelet: 26250,
  proxyHealth: 26256,
  proxyMetrics: 26249,
} as const;

export const nodeName = 'testbed';

/** What runs: gone after `down`. */
export function state(...parts: string[]): string {
  return stateFolder('testbed', ...parts);
}

/** Programs, root file systems and images: may be deleted while nothing runs. */
export function cache(...parts: string[]): string {
  return cacheFolder('testbed', ...parts);
}

/** Two testbeds at once would fight over the bridge, so one lock is enough. */
export function lockFile(): string {
  return stateFolder('testbed.lock');
}

export function kubeconfig(): string {
  return state('kubeconfig.yaml');
}

export function containerdSocket(): string {
  return state('containerd', 'containerd.sock');
}

/** A folder of the sources. */
export function source(...parts: string[]): string {
  return join(packageRoot, 'test', 'testbed', ...parts);
}

/** In the environment of every process of the testbed, by which `down` finds all of them. */
export const MARK = 'DATAMILL_TESTBED';
