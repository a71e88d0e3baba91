import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { exec } from '../../src/util/exec.ts';
import { withLock } from '../../src/util/lock.ts';
import type { Say } from './call.ts';
import { removeCgroups } from './cluster/cgroups.ts';
import { forgetContainers } from './cluster/containerd.ts';
import { removeRules } from './cluster/iptables.ts';
import { unmountBelow } from './cluster/mounts.ts';
import { removeNetwork } from './cluster/network.ts';
import { ownStrays, removeStrays } from './cluster/strays.ts';
import { restoreSysctls } from './cluster/sysctl.ts';
import { cache, lockFile, network, state } from './layout.ts';
import { allProcesses, commandOf, end, isRunning, stopDaemon } from './processes.ts';

/** Removes the testbed and all traces of it; the cache stays. Safe to call at any time. */
export async function down(options: { say: Say; signal?: AbortSignal }): Promise<void> {
  const onWait = () => options.say('waiting for another process that works on the testbed');
  await withLock(lockFile(), { signal: options.signal, onWait }, async () => {
    if (!existsSync(state())) return;
    // First what would start pods again, then the pods, and what they hang on last.
    for (const name of ['kubelet', 'kube-proxy', 'kube-scheduler', 'kube-controller-manager']) {
      await stopDaemon(name);
    }
    await removeCgroups();
    if (await isRunning('containerd')) {
      await forgetContainers().catch((error: Error) => options.say(error.message));
    }
    for (const name of ['kube-apiserver', 'etcd', 'containerd']) await stopDaemon(name);
    await endRest(options.say);
    await unmountBelow([state(), cache(), ...(await ownStrays())]);
    await removeNetwork();
    await removeRules();
    await forgetConnections();
    await restoreSysctls();
    await removeStrays();
    await rm(state(), { recursive: true, force: true });
  });
}

/** Shims, and what a testbed that was cut short left without a pid file. */
async function endRest(say: Say): Promise<void> {
  const left = allProcesses();
  for (const pid of left)
    if (!commandOf(pid).includes('containerd-shim')) say(`ending ${pid}: ${commandOf(pid)}`);
  await end(left, 0);
}

/** Entries of the kernel's table of connections for addresses that the next testbed gives again. */
async function forgetConnections(): Promise<void> {
  for (const flag of ['--orig-src', '--orig-dst']) {
    for (const range of [network.pods, network.services]) await exec('conntrack', ['-D', flag, range]);
  }
}
