import { join } from 'node:path';
import { expect } from 'vitest';
import { listRevisions, newest, type Revision } from '../../src/helm/releases.ts';
import { list } from '../../src/kube/objects.ts';
import type { KubeObject } from '../../src/kube/types.ts';
import type { CliEvent, CliResult } from './cli.ts';
import { api, versions } from './cluster.ts';
import { childrenOf } from './process.ts';
import { charts, type Project } from './project.ts';

/** A component of the chaos chart: a volume, settings, a workload that is ready after `slow` seconds. */
export function component(values: Record<string, unknown>, more: Record<string, unknown> = {}) {
  return { chart: { path: join(charts, 'chaos') }, ...more, values };
}

const hook = { name: 'migrate', image: 'registry.example/hook:1', command: ['true'] };
const auth = { '{{release}}-auth': { password: { generate: 24 }, user: { value: 'someone' } } };

/** Eight components that depend on each other, with a Secret, a Job, and two that are slow. */
export function eight(text = 'one'): Record<string, unknown> {
  return {
    a: component({ text, slow: 1 }, { secrets: auth }),
    b: component({ text }, { secrets: auth }),
    c: component({ text }, { after: ['a'] }),
    d: component({ text }, { after: ['a', 'b'], hooks: { before: [hook] } }),
    e: component({ text }, { after: ['c'] }),
    f: component({ text, slow: 1 }, { after: ['d'] }),
    g: component({ text }, { after: ['d'], secrets: auth }),
    h: component({ text, slow: 2 }, { after: ['e', 'f', 'g'] }),
  };
}

export function leaseOf(namespace: string): Promise<KubeObject | undefined> {
  return api().find(`/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/datamill`);
}

export async function newestRevisions(namespace: string): Promise<Map<string, Revision>> {
  return newest(await listRevisions(api(), namespace, { superseded: true }));
}

/** UIDs of what must never be made twice: volumes, generated Secrets with their content. */
export async function treasures(namespace: string): Promise<Map<string, string>> {
  const claims = await list(api(), { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace });
  const secrets = await list(
    api(),
    { apiVersion: 'v1', kind: 'Secret', namespace },
    { fields: 'type=Opaque' },
  );
  return new Map(
    [...claims, ...secrets].map(({ kind, metadata, data }) => [
      `${kind}/${metadata.name}`,
      `${metadata.uid} ${JSON.stringify(data)}`,
    ]),
  );
}

/** What was there is still the same. */
export async function expectKept(namespace: string, before: Map<string, string>): Promise<void> {
  const after = await treasures(namespace);
  for (const [name, value] of before) expect(after.get(name), name).toBe(value);
}

/** Nothing of a run that ended is left: no process, no lock. */
export async function expectNoTrace(pid: number, namespace: string): Promise<void> {
  expect(childrenOf(pid)).toEqual([]);
  expect(await leaseOf(namespace)).toBeUndefined();
}

export function summaryOf(events: readonly CliEvent[]): CliEvent {
  const last = events.at(-1)!;
  expect(last.type, JSON.stringify(events.slice(-3))).toBe('summary');
  return last;
}

/** Runs `up` until nothing is left to do: it ends well, and a further one changes nothing. */
export async function expectConverges(project: Project, names: readonly string[]): Promise<CliResult> {
  const { namespace } = project;
  const result = await project.run(['up', '--output', 'json']);
  expect(result.code, `${result.stderr}\n${result.stdout}`).toBe(0);
  expect(summaryOf(result.events)).toMatchObject({ result: 'ok', failed: 0, skipped: 0 });
  await expectWhole(namespace, names);
  const before = await versions(namespace);
  const again = await project.run(['up', '--output', 'json']);
  expect(again.code, again.stderr).toBe(0);
  expect(summaryOf(again.events)).toMatchObject({ result: 'ok', unchanged: names.length });
  expect(await versions(namespace)).toEqual(before);
  expect(await leaseOf(namespace)).toBeUndefined();
  return result;
}

/** Every component has its release, deployed, in exactly one revision, and its workload is there once. */
export async function expectWhole(namespace: string, names: readonly string[]): Promise<void> {
  const revisions = await listRevisions(api(), namespace, { superseded: true });
  expect([...newest(revisions).values()].map(({ name, status }) => `${name} ${status}`)).toEqual(
    [...names].sort().map((name) => `${name} deployed`),
  );
  const deployed = revisions.filter(({ status }) => status === 'deployed').map(({ name }) => name);
  expect(deployed.sort()).toEqual([...names].sort());
  const found = await list(api(), { apiVersion: 'apps/v1', kind: 'Deployment', namespace });
  expect(found.map(({ metadata }) => metadata.name).sort()).toEqual([...names].sort());
}
