import { parseAllDocuments } from 'yaml';
import { merge } from '../config/merge.ts';
import { KUBE_VERSION, templateArgs } from '../helm/args.ts';
import type { PreparedChart } from '../helm/charts.ts';
import { type Helm, helmError } from '../helm/run.ts';
import { applyCrds, CRD } from '../kube/crds.ts';
import type { KubeObject } from '../kube/types.ts';
import type { ResolvedComponent } from '../resolve/types.ts';
import type { InstallContext } from './install.ts';
import type { Wanted } from './wanted.ts';

/**
 * Definitions that a chart brings: those of its `crds` folders, and where the component says so
 * (`crds.values`) those among its templates.
 */
export async function chartCrds(
  helm: Helm,
  component: ResolvedComponent,
  chart: PreparedChart,
  { kubeVersion = KUBE_VERSION, signal }: { kubeVersion?: string; signal?: AbortSignal } = {},
): Promise<KubeObject[]> {
  const texts: string[] = [];
  if (chart.hasCrds) {
    const result = await helm.run(['show', 'crds', chart.path], { signal });
    if (result.exitCode !== 0) throw helmError(`cannot read the definitions of ${component.name}`, result);
    texts.push(result.stdout);
  }
  const { values } = component.spec.crds;
  if (values !== undefined) {
    const { release, namespace } = component;
    // Without the cluster: it would refuse definitions that are there, as no release has them.
    const args = templateArgs(undefined, { release, namespace, chart: chart.path, kubeVersion });
    const input = JSON.stringify(merge(component.values, values));
    const result = await helm.run(args, { input, signal });
    if (result.exitCode !== 0) throw helmError(`cannot render the definitions of ${component.name}`, result);
    texts.push(result.stdout);
  }
  const found = new Map<string, KubeObject>();
  for (const document of texts.flatMap((text) => parseAllDocuments(text))) {
    const object = document.toJS() as KubeObject | null;
    if (object?.kind === CRD.kind) found.set(object.metadata.name, object);
  }
  return [...found.values()];
}

/** Helm never upgrades what is in `crds/`, and deletes what is among the templates: so we do it. */
export async function installCrds(
  { component, chart }: Wanted,
  { session, signal, report, adopt }: InstallContext,
): Promise<void> {
  if (chart === undefined || (!chart.hasCrds && component.spec.crds.values === undefined)) return;
  const { kubernetes: kubeVersion } = session;
  const crds = await chartCrds(await session.helm(), component, chart, { kubeVersion, signal });
  if (crds.length === 0) return;
  report({
    type: 'step',
    component: component.name,
    phase: 'objects',
    state: 'running',
    message: `${crds.length} definitions`,
  });
  await applyCrds(session.api, crds, {
    identity: session.identity,
    component: component.name,
    adopt: adopt ?? false,
    timeout: component.timeout * 1000,
    signal,
  });
}
