import { inject } from 'vitest';
import { type Api, connect } from '../../src/kube/client.ts';
import { list } from '../../src/kube/objects.ts';
import type { KubeObject } from '../../src/kube/types.ts';
import { resolveTools } from '../../src/tools/index.ts';
import { exec } from '../../src/util/exec.ts';

/** Flags by which a command finds the shared cluster as an existing one. */
export function clusterFlags(): string[] {
  const { kubeconfig, context } = inject('rehearsal');
  return ['--kubeconfig', kubeconfig, '--context', context];
}

let shared: Api | undefined;

/** The test's own eyes and hands in the cluster. */
export function api(): Api {
  shared ??= connect(inject('rehearsal'));
  return shared;
}

const paths = new Map<string, Promise<string>>();

function tool(name: string): Promise<string> {
  const found = paths.get(name) ?? resolveTools([name]).then((tools) => tools.get(name)!.path);
  paths.set(name, found);
  return found;
}

async function call(path: string, args: readonly string[], input?: string): Promise<string> {
  const result = await exec(path, args, { input });
  if (result.exitCode !== 0) throw new Error(`${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
}

export async function kubectl(...args: string[]): Promise<string> {
  return call(await tool('kubectl'), [...clusterFlags(), ...args]);
}

export function helmFlags(): string[] {
  const { kubeconfig, context } = inject('rehearsal');
  return ['--kubeconfig', kubeconfig, '--kube-context', context];
}

export async function helm(...args: string[]): Promise<string> {
  return call(await tool('helm'), [...helmFlags(), ...args]);
}

export async function helmPath(): Promise<string> {
  return tool('helm');
}

/** Applies objects as kubectl does, as a person beside data-mill would. */
export async function applyObjects(...objects: unknown[]): Promise<void> {
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
  await call(await tool('kubectl'), [...clusterFlags(), 'apply', '-f', '-'], input);
}

// biome-ignore lint/suspicious/noExplicitAny: objects of every kind, of which tests look at a field or two
type Loose = any;

const CORE = new Set(['configmaps', 'secrets', 'services', 'pods', 'persistentvolumeclaims', 'events']);

/** One object by the plural of its kind, such as `deployments`; undefined when it is not there. */
export async function get(namespace: string, plural: string, name: string): Promise<Loose> {
  const group = CORE.has(plural) ? '/api/v1' : plural === 'jobs' ? '/apis/batch/v1' : '/apis/apps/v1';
  return api().find(`${group}/namespaces/${namespace}/${plural}/${name}`);
}

/** Objects of the namespace that a run could have written, each as `Kind/name` with its version. */
export async function versions(namespace: string): Promise<Record<string, string>> {
  const kinds: Array<[string, string]> = [
    ['v1', 'ConfigMap'],
    ['v1', 'Secret'],
    ['v1', 'Service'],
    ['v1', 'PersistentVolumeClaim'],
    ['apps/v1', 'Deployment'],
    ['apps/v1', 'StatefulSet'],
    ['batch/v1', 'Job'],
  ];
  const found = await Promise.all(
    kinds.map(([apiVersion, kind]) => list(api(), { apiVersion, kind, namespace }, { metadataOnly: true })),
  );
  return Object.fromEntries(
    found
      .flat()
      .map(({ kind, metadata }: KubeObject) => [`${kind}/${metadata.name}`, metadata.resourceVersion!])
      .sort(),
  );
}

export async function deleteNamespace(name: string): Promise<void> {
  await api()
    .request('DELETE', `/api/v1/namespaces/${name}`, {
      body: { kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds: 0 },
    })
    .catch(() => undefined);
}
