import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { resolveTools } from '../../src/tools/index.ts';
import { exec } from '../../src/util/exec.ts';
import { packageRoot } from '../../src/util/paths.ts';

export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; labels?: Record<string, string> };
  // biome-ignore lint/suspicious/noExplicitAny: the shape is Kubernetes' own
  [key: string]: any;
}

export const chartsFolder: string = join(packageRoot, 'helm-charts');
export const goldenFolder: string = join(packageRoot, 'test', 'golden');

/** Rendering without a cluster needs to be told what it would run on. */
const kubeVersion = ['--kube-version', '1.35.4'];

export function chartNames(): string[] {
  return readdirSync(chartsFolder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

/** Names of the values files in the `ci` folder of a chart. */
export function casesOf(chart: string): string[] {
  return readdirSync(join(chartsFolder, chart, 'ci'))
    .map((file) => basename(file, '.yaml'))
    .sort();
}

export function readYaml(...path: string[]): Record<string, unknown> {
  return parse(readFileSync(join(packageRoot, ...path), 'utf8'));
}

/** Runs helm with values on standard input, so that tests leave no files. */
async function helm(
  args: string[],
  values: unknown,
): Promise<{ ok: boolean; stdout: string; output: string }> {
  const tools = await resolveTools(['helm']);
  const result = await exec(tools.get('helm')!.path, [...args, ...kubeVersion, '--values', '-'], {
    input: JSON.stringify(values ?? {}),
  });
  return { ok: result.exitCode === 0, stdout: result.stdout, output: result.stdout + result.stderr };
}

export async function lint(chart: string, values: unknown): Promise<{ ok: boolean; output: string }> {
  return helm(['lint', '--strict', chart], values);
}

export async function template(
  chart: string,
  values: unknown,
): Promise<{ ok: boolean; stdout: string; output: string }> {
  return helm(['template', 'demo', chart, '--namespace', 'data-mill'], values);
}

/** The objects that a chart makes of the values, in an order of our own. */
export async function render(chart: string, values: unknown): Promise<Manifest[]> {
  const { ok, stdout, output } = await template(chart, values);
  if (!ok) throw new Error(output);
  const key = ({ kind, metadata }: Manifest) => `${kind}/${metadata.name}`;
  return parseAllDocuments(stdout)
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null)
    .sort((a, b) => key(a).localeCompare(key(b), 'en'));
}

/** As a file: what it says does not depend on how a version of helm writes YAML. */
export function asText(manifests: readonly Manifest[]): string {
  return manifests
    .map((manifest) => stringify(manifest, { sortMapEntries: true, lineWidth: 0, compat: 'yaml-1.1' }))
    .join('---\n');
}
