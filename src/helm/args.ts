/** Where helm works: the same for every call of a run. */
export interface HelmTarget {
  kubeconfig: string;
  context: string;
}

export interface UpgradeArgs {
  release: string;
  namespace: string;
  /** Folder or archive on this machine. */
  chart: string;
  /** Seconds. */
  timeout: number;
  labels: Record<string, string>;
  description: string;
  /** `keep`: the release was made by client-side apply (Helm 3), so nothing is said. */
  apply: 'server' | 'client' | 'keep';
  wait: 'watcher' | 'legacy';
  takeOwnership?: boolean;
}

/** Version that charts are rendered for when no cluster is asked; the pinned one of the toolchain. */
export const KUBE_VERSION = '1.35.4';

/** Revisions that Helm keeps of each release. */
const HISTORY = '5';

function common({ kubeconfig, context }: HelmTarget, namespace: string): string[] {
  return ['--namespace', namespace, '--kubeconfig', kubeconfig, '--kube-context', context];
}

/** `helm upgrade --install`, with the values on standard input, so that they are in no list of processes and no file. */
export function upgradeArgs(target: HelmTarget, args: UpgradeArgs): string[] {
  const apply = {
    server: ['--server-side=true', '--force-conflicts'],
    client: ['--server-side=false'],
    keep: [],
  }[args.apply];
  return [
    'upgrade',
    '--install',
    args.release,
    args.chart,
    ...common(target, args.namespace),
    '--values',
    '-',
    '--reset-values',
    // They are installed and upgraded before, by ourselves: Helm never upgrades them.
    '--skip-crds',
    `--wait=${args.wait}`,
    '--wait-for-jobs',
    '--timeout',
    `${args.timeout}s`,
    '--history-max',
    HISTORY,
    '--labels',
    Object.entries(args.labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(','),
    '--description',
    args.description,
    ...apply,
    ...(args.takeOwnership ? ['--take-ownership'] : []),
    '--output',
    'json',
  ];
}

/** Renders without changing anything; the cluster is asked for its version and for `lookup`. */
export function templateArgs(
  target: HelmTarget | undefined,
  args: {
    release: string;
    namespace: string;
    chart: string;
    upgrade?: boolean;
    kubeVersion?: string;
    hooks?: boolean;
  },
): string[] {
  const where =
    target === undefined
      ? ['--namespace', args.namespace]
      : [...common(target, args.namespace), '--dry-run=server'];
  return [
    'template',
    args.release,
    args.chart,
    ...where,
    '--values',
    '-',
    ...(args.kubeVersion === undefined ? [] : ['--kube-version', args.kubeVersion]),
    ...(args.upgrade ? ['--is-upgrade'] : []),
    ...(args.hooks ? ['--include-crds'] : ['--no-hooks']),
    '--skip-tests',
  ];
}

export function uninstallArgs(
  target: HelmTarget,
  args: { release: string; namespace: string; timeout: number; keepHistory?: boolean },
): string[] {
  return [
    'uninstall',
    args.release,
    ...common(target, args.namespace),
    '--wait=watcher',
    '--timeout',
    `${args.timeout}s`,
    '--ignore-not-found',
  ];
}

/** Back to a revision; helm's own default (the one before the newest) may be a failed one, so it is always named. */
export function rollbackArgs(
  target: HelmTarget,
  args: { release: string; namespace: string; revision: number; timeout: number; wait?: boolean },
): string[] {
  return [
    'rollback',
    args.release,
    String(args.revision),
    ...common(target, args.namespace),
    '--history-max',
    HISTORY,
    '--timeout',
    `${args.timeout}s`,
    ...(args.wait === false ? [] : ['--wait=watcher']),
  ];
}

/** `helm pull` of one exact version into a folder. */
export function pullArgs(
  chart: { repo?: string; name?: string; oci?: string; version: string },
  folder: string,
): string[] {
  const source = chart.oci === undefined ? [chart.name!, '--repo', chart.repo!] : [chart.oci];
  return ['pull', ...source, '--version', chart.version, '--destination', folder];
}
