import { writeAtomically } from '../../../src/util/atomic.ts';
import { exec } from '../../../src/util/exec.ts';
import { call, until } from '../call.ts';
import { cache, containerdSocket, state } from '../layout.ts';
import { startDaemon } from '../processes.ts';
import { cniConfigFolder } from './network.ts';

const pauseImage = 'registry.k8s.io/pause:3.10';

/** Starts containerd on folders and a socket of its own. What is imported stays in the cache. */
export async function startContainerd(): Promise<void> {
  const file = state('containerd.toml');
  await writeAtomically(file, config());
  await startDaemon('containerd', '/usr/bin/containerd', ['--config', file]);
  await until(
    async () => (await exec('ctr', ['--address', containerdSocket(), 'version'])).exitCode === 0,
    30,
    () => `containerd does not answer; its log is ${state('log', 'containerd.log')}`,
  );
}

/** Talks to containerd about the things of Kubernetes. */
export function ctr(...args: string[]): Promise<string> {
  return call('ctr', ['--address', containerdSocket(), '--namespace', 'k8s.io', ...args]);
}

/** Forgets containers that a testbed which was killed left in the cache. */
export async function forgetContainers(): Promise<void> {
  const names = async (kind: string) => (await ctr(kind, 'list', '-q')).split('\n').filter(Boolean);
  for (const name of await names('tasks')) await ctr('tasks', 'delete', '--force', name).catch(() => '');
  const containers = await names('containers');
  if (containers.length > 0) await ctr('containers', 'delete', ...containers);
}

function config(): string {
  const text = JSON.stringify;
  // Without restrict_oom_score_adj no pod starts where we lack CAP_SYS_RESOURCE.
  return `version = 2
root = ${text(cache('containerd'))}
state = ${text(state('containerd'))}
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper"]
[grpc]
  address = ${text(containerdSocket())}
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  sandbox_image = ${text(pauseImage)}
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = ${text(cniConfigFolder())}
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
        Root = ${text(state('runc'))}
[plugins."io.containerd.internal.v1.opt"]
  path = ${text(cache('containerd-opt'))}
`;
}
