import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import type { Tree } from '../config/merge.ts';
import { configError } from '../errors.ts';
import { type HelmTarget, KUBE_VERSION, templateArgs } from '../helm/args.ts';
import type { PreparedChart } from '../helm/charts.ts';
import { ChartStore } from '../helm/charts.ts';
import { type Helm, helmAt, helmMessage } from '../helm/run.ts';
import { resolve } from '../resolve/resolve.ts';
import type { ResolvedComponent } from '../resolve/types.ts';
import { resolveTools } from '../tools/index.ts';
import { chartCrds } from './crds.ts';
import { valuesWithPlaceholders } from './secrets-literal.ts';
import { type ActionOptions, reportWarnings } from './session.ts';

/**
 * Renders the chart of a component.
 *
 * @param options.values instead of the component's, in which placeholders stand for literal secrets.
 * @throws {DatamillError} RENDER (exit 2) with helm's reason.
 */
export async function renderChart(
  helm: Helm,
  target: HelmTarget | undefined,
  component: ResolvedComponent,
  chart: PreparedChart,
  options: { upgrade?: boolean; hooks?: boolean; values?: Tree; signal?: AbortSignal },
): Promise<string> {
  const kubeVersion = target === undefined ? KUBE_VERSION : undefined;
  const args = templateArgs(target, {
    release: component.release,
    namespace: component.namespace,
    chart: chart.path,
    upgrade: options.upgrade,
    hooks: options.hooks,
    kubeVersion,
  });
  const values = options.values ?? (await valuesWithPlaceholders(component));
  const result = await helm.run(args, { input: JSON.stringify(values), signal: options.signal });
  if (result.exitCode === 0) return result.stdout;
  throw configError(
    'RENDER',
    `the chart of ${component.name} does not take these values: ${helmMessage(result)}`,
    {
      hint: `see what it is given with \`datamill config --explain ${component.name}.values\``,
    },
  );
}

export interface RenderResult {
  files: string[];
}

/**
 * Writes the manifests of a whole flavour to a folder, a file for each object, without a cluster.
 * Secrets that `up` would make are not among them: they are made in the cluster only.
 */
export async function render(options: ActionOptions & { folder: string }): Promise<RenderResult> {
  const resolved = resolve(options);
  reportWarnings(resolved, options.report);
  const tools = await resolveTools(['helm'], {
    signal: options.signal,
    onProgress: (message) => options.report({ type: 'step', phase: 'tools', state: 'running', message }),
  });
  const helm = helmAt(tools.get('helm')!.path);
  const charts = new ChartStore({
    helm: () => Promise.resolve(helm),
    mirror: options.mirror,
    signal: options.signal,
  });
  const files = await Promise.all(
    resolved.components.map(async (component) => {
      const chart = component.chart === undefined ? undefined : await charts.prepare(component.chart);
      const manifest =
        chart === undefined
          ? ''
          : await renderChart(helm, undefined, component, chart, { hooks: true, signal: options.signal });
      const objects = [
        ...parseAllDocuments(manifest).map((document) => document.toJS() as unknown),
        ...(await templateCrds(helm, component, chart, options.signal)),
        ...component.objects,
      ].filter((object) => object !== null && object !== undefined);
      return await writeObjects(
        join(options.folder, component.name),
        component.namespace,
        objects as RenderedObject[],
      );
    }),
  );
  return { files: files.flat().sort() };
}

/** Those of the `crds` folders are in the manifest already. */
async function templateCrds(
  helm: Helm,
  component: ResolvedComponent,
  chart: PreparedChart | undefined,
  signal?: AbortSignal,
): Promise<unknown[]> {
  if (chart === undefined || component.spec.crds.values === undefined) return [];
  return await chartCrds(helm, component, { ...chart, hasCrds: false }, { signal });
}

interface RenderedObject {
  kind: string;
  metadata: { name: string; namespace?: string };
}

async function writeObjects(folder: string, namespace: string, objects: RenderedObject[]): Promise<string[]> {
  const files: string[] = [];
  for (const object of objects) {
    const name = `${object.kind}-${object.metadata.name}`.toLowerCase().replace(/[^a-z0-9.-]+/g, '-');
    const file = join(folder, `${name}.yaml`);
    await mkdir(dirname(file), { recursive: true });
    const cluster =
      /^(Cluster|CustomResourceDefinition|Namespace|StorageClass|PersistentVolume$|PriorityClass)/.test(
        object.kind,
      );
    const placed = cluster ? object : { ...object, metadata: { namespace, ...object.metadata } };
    await writeFile(file, stringify(placed));
    files.push(file);
  }
  return files;
}
