import { mkdir, readFile } from 'node:fs/promises';
import { network, nodeName, source, state } from '../layout.ts';
import { type ControlPlane, kubectl } from './control-plane.ts';

const deployments = [
  ['kube-system', 'coredns'],
  ['local-path-storage', 'local-path'],
] as const;

/** Applies DNS and storage, and waits until the node and both work. */
export async function applyAddons(programs: ControlPlane): Promise<void> {
  // Volumes are other users' too: whoever owns a pod's process must be able to get there.
  await mkdir(state('volumes'), { recursive: true });
  const files = await Promise.all(
    ['coredns.yaml', 'storage.yaml'].map((file) => readFile(source('addons', file), 'utf8')),
  );
  const objects = files.join('---\n').replace('$DNS', network.dns).replace('$VOLUMES', state('volumes'));
  await kubectl(programs, ['apply', '-f', '-'], objects);
  await waitForNode(programs);
  for (const [namespace, name] of deployments) {
    await kubectl(programs, ['rollout', 'status', `deployment/${name}`, '-n', namespace, '--timeout=120s']);
  }
}

async function waitForNode(programs: ControlPlane): Promise<void> {
  const node = `node/${nodeName}`;
  await kubectl(programs, ['wait', '--for=create', node, '--timeout=60s']);
  await kubectl(programs, ['wait', '--for=condition=Ready', node, '--timeout=60s']);
}
