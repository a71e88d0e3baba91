import type { Manifest } from './golden-charts.ts';

// biome-ignore lint/suspicious/noExplicitAny: the shape is Kubernetes' own
type Loose = any;

/** The pod template of a workload, if it is one. */
function podOf(manifest: Manifest): Loose {
  if (manifest.kind === 'CronJob') return manifest.spec.jobTemplate.spec.template;
  return ['Deployment', 'StatefulSet', 'DaemonSet', 'Job'].includes(manifest.kind)
    ? manifest.spec.template
    : undefined;
}

/**
 * What our own charts promise for every object, as a list of what is broken: requests and limits,
 * the pod security standard "restricted", probes, labels, no secrets in clear.
 */
export function brokenRules(manifest: Manifest): string[] {
  const at = `${manifest.kind}/${manifest.metadata.name}`;
  const pod = podOf(manifest);
  return [
    ...labelRules(manifest),
    ...(manifest.kind === 'Secret' ? ['makes a Secret: those are made once, outside of charts'] : []),
    ...(pod === undefined ? [] : podRules(pod)),
  ].map((broken) => `${at}: ${broken}`);
}

function labelRules(manifest: Manifest): string[] {
  const wanted = ['name', 'instance', 'component', 'version', 'managed-by'].map(
    (label) => `app.kubernetes.io/${label}`,
  );
  const labels = manifest.metadata.labels ?? {};
  const missing = [...wanted, 'helm.sh/chart'].filter((label) => labels[label] === undefined);
  const selector: Record<string, string> | undefined =
    manifest.kind === 'Service' ? manifest.spec.selector : manifest.spec?.selector?.matchLabels;
  const selected = Object.keys(selector ?? {})
    .sort()
    .join(' ');
  const identity = [...wanted.slice(0, 3)].sort().join(' ');
  return [
    ...missing.map((label) => `no label ${label}`),
    ...(selector !== undefined && selected !== identity ? [`selects by ${selected}`] : []),
  ];
}

function podRules({ spec }: Loose): string[] {
  const security = spec.securityContext ?? {};
  const containers = [...(spec.initContainers ?? []), ...spec.containers];
  return [
    ...(security.runAsNonRoot === true ? [] : ['may run as root']),
    ...(Number.isInteger(security.runAsUser) && security.runAsUser > 0 ? [] : ['no numeric user']),
    ...(security.seccompProfile?.type === 'RuntimeDefault' ? [] : ['no seccomp profile']),
    ...(spec.automountServiceAccountToken === false ? [] : ['has a token of the API server']),
    ...(spec.serviceAccountName === undefined ? ['no service account'] : []),
    ...(spec.hostNetwork || spec.hostPID || spec.hostIPC ? ['shares namespaces of the host'] : []),
    ...containers.flatMap((container: Loose) =>
      containerRules(container).map((broken) => `${container.name}: ${broken}`),
    ),
    ...spec.containers.flatMap((container: Loose) =>
      ['startupProbe', 'readinessProbe', 'livenessProbe']
        .filter((probe) => container[probe] === undefined)
        .map((probe) => `${container.name}: no ${probe}`),
    ),
  ];
}

function containerRules({
  resources = {},
  securityContext: security = {},
  image,
  env = [],
}: Loose): string[] {
  const missing = ['requests', 'limits'].flatMap((kind) =>
    ['cpu', 'memory']
      .filter((name) => resources[kind]?.[name] === undefined)
      .map((name) => `no ${kind}.${name}`),
  );
  const inClear = env
    .filter(
      (entry: Loose) =>
        /PASSWORD|SECRET|TOKEN|ACCESS_KEY|CREDENTIAL/.test(entry.name) && entry.value !== undefined,
    )
    .map((entry: Loose) => `${entry.name} is in clear`);
  return [
    ...missing,
    ...inClear,
    ...(security.allowPrivilegeEscalation === false ? [] : ['may gain privileges']),
    ...(security.readOnlyRootFilesystem === true ? [] : ['may write its root file system']),
    ...(security.capabilities?.drop?.includes('ALL') ? [] : ['keeps capabilities']),
    ...(/:[^/]+$/.test(image) && !image.endsWith(':latest') ? [] : [`image ${image} is not pinned`]),
  ];
}
