// The three ways to install the same charts on the same cluster, each in a namespace of its own.
import { join } from 'node:path';
import { RELEASES } from './cluster.js';
import { names, writeFlavour, writeHelmfile } from './generate.js';
import { pool, run } from './measure.js';

/** As many as data-mill installs at once. */
const AT_ONCE = 4;

/**
 * @returns for each contestant its namespace and functions that run it once and resolve to the
 *   seconds it took.
 */
export async function contestants(cluster, tools) {
  const all = { count: RELEASES, message: 'one' };
  const flavour = await writeFlavour(cluster.folder, 'bench.yaml', { ...all, namespace: 'ours' });
  const changed = { ...all, namespace: 'ours', message: 'two' };
  const flavourChanged = await writeFlavour(cluster.folder, 'bench-changed.yaml', changed);
  const { context } = cluster;
  const helmfile = await writeHelmfile(cluster.folder, 'helmfile.yaml', {
    ...all,
    namespace: 'helmfile',
    context,
  });
  const sync = ['--file', helmfile, '--helm-binary', tools.helm, '--no-color', 'sync'];
  const seconds = async (result) => (await result).seconds;
  return {
    ours: {
      namespace: 'ours',
      up: () => seconds(cluster.datamill('up', flavour)),
      plan: () => seconds(cluster.datamill('plan', flavour)),
      planChanged: () => seconds(cluster.datamill('plan', flavourChanged)),
    },
    helmfile: {
      namespace: 'helmfile',
      up: () => seconds(run(tools.helmfile, sync, { env: cluster.env, cwd: cluster.folder })),
    },
    helm: { namespace: 'helm', up: () => bareHelm(cluster, tools.helm) },
  };
}

/** What a shell script with `xargs -P 4` would do. */
async function bareHelm({ env, folder, context }, helm) {
  const started = performance.now();
  const install = (name) => () => {
    const where = ['--namespace', 'helm', '--kube-context', context];
    const chart = join(folder, 'charts', name);
    return run(helm, ['upgrade', '--install', name, chart, ...where, '--set', 'message=one', '--wait'], {
      env,
    });
  };
  await pool(AT_ONCE, names(RELEASES).map(install));
  return (performance.now() - started) / 1000;
}
