import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { configError } from '../../errors.ts';
import { packageRoot, stateFolder } from '../../util/paths.ts';

/** Where the parts of one rehearsal cluster lie. */
export interface Layout {
  name: string;
  context: string;
  /** Everything of the cluster, readable by its owner only. */
  root: string;
  kubeconfig: string;
  /** KWOK_WORKDIR. */
  workdir: string;
  /** What kwokctl makes: bin, etcd, logs, pids, pki. */
  cluster: string;
  /** Configuration that we write for kwokctl. */
  config: string;
  encryption: string;
  /** What `kubectl logs` shows. */
  podLog: string;
  /** Written when the cluster is complete; without it what lies there is a leftover. */
  marker: string;
  lock: string;
}

/** @throws INVALID_NAME, exit code 2, for names that cannot be folders and contexts. */
export function layoutOf(name: string): Layout {
  if (!/^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/.test(name)) {
    throw configError('INVALID_NAME', `${JSON.stringify(name)} cannot be the name of a rehearsal cluster.`, {
      hint: 'Use up to 40 lower-case letters, digits and hyphens, starting and ending with a letter or digit.',
    });
  }
  const root = stateFolder('rehearsal', name);
  const workdir = join(root, 'kwok');
  return {
    name,
    context: `kwok-${name}`,
    root,
    kubeconfig: join(root, 'kubeconfig.yaml'),
    workdir,
    cluster: join(workdir, 'clusters', name),
    config: join(root, 'kwokctl.yaml'),
    encryption: join(root, 'encryption.yaml'),
    podLog: join(root, 'pod.log'),
    marker: join(root, 'cluster.json'),
    lock: stateFolder('rehearsal', `${name}.lock`),
  };
}

/** The packaged files that say what simulated objects do. */
export async function stageFiles(): Promise<string[]> {
  const folder = join(packageRoot, 'k8s', 'kwok');
  const names = (await readdir(folder)).filter((name) => name.endsWith('.yaml')).sort();
  return names.map((name) => join(folder, name));
}
