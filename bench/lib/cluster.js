// The cluster on which all contestants work: a rehearsal of data-mill's own, in a temporary
// state folder, so that no cluster of the user is touched.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeCharts, writeFlavour, writeTarget } from './generate.js';
import { run } from './measure.js';
import { DATAMILL } from './tools.js';

/** Releases of the comparison with the peers. */
export const RELEASES = 20;
/** Releases of the largest flavour. */
export const MANY = 300;

/**
 * Makes the cluster and the charts.
 *
 * @returns what the measurements need; `close` takes everything away.
 */
export async function openCluster({ kubectl }) {
  const folder = await mkdtemp(join(tmpdir(), 'datamill-bench-'));
  const env = {
    XDG_STATE_HOME: join(folder, 'state'),
    // For helm as the peers run it: nothing of the user's configuration.
    HELM_CACHE_HOME: join(folder, 'helm', 'cache'),
    HELM_CONFIG_HOME: join(folder, 'helm', 'config'),
    HELM_DATA_HOME: join(folder, 'helm', 'data'),
    KUBECACHEDIR: join(folder, 'helm', 'kube'),
    HELMFILE_CACHE_HOME: join(folder, 'helmfile'),
    HELMFILE_UPGRADE_NOTICE_DISABLED: 'true',
  };
  const target = await writeTarget(folder);
  await writeCharts(folder, MANY);
  const flavour = await writeFlavour(folder, 'start.yaml', { count: 1, namespace: 'start', message: '' });
  const datamill = (verb, file = flavour, ...rest) =>
    run(process.execPath, [DATAMILL, verb, '-f', file, '-t', target, ...rest], { env });
  const close = async () => {
    await datamill('destroy', flavour, '--yes');
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await datamill('start');
    const kubeconfig = (await datamill('kubeconfig', flavour, '--path')).stdout.trim();
    const kube = (...args) => run(kubectl, ['--kubeconfig', kubeconfig, ...args], { env });
    const version = JSON.parse((await kube('version', '--output', 'json')).stdout);
    return {
      folder,
      env: { ...env, KUBECONFIG: kubeconfig },
      kubeconfig,
      context: 'kwok-bench',
      kubernetes: version.serverVersion.gitVersion,
      kube,
      datamill,
      close,
    };
  } catch (error) {
    await close().catch(() => {});
    throw error;
  }
}

/** An empty namespace, whatever there was in it before. */
export async function freshNamespace({ kube }, name) {
  await kube('delete', 'namespace', name, '--ignore-not-found', '--wait');
  await kube('create', 'namespace', name);
}
