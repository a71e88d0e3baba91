import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { DatamillError, refusedError } from '../errors.ts';
import type { Api } from './client.ts';
import { isStatus } from './errors.ts';
import { items, text } from './fields.ts';
import { type Identity, isOurs, ownLabels } from './labels.ts';
import { apply } from './objects.ts';
import { readiness } from './ready.ts';
import type { KubeObject } from './types.ts';

export const CRD = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition' } as const;
const COLLECTION = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

export interface CrdOptions {
  identity: Identity;
  component: string;
  /** Take over definitions that somebody else made and that differ. */
  adopt: boolean;
  /** Milliseconds until they must be established. */
  timeout: number;
  signal?: AbortSignal;
}

/**
 * Installs or upgrades definitions, server-side, and waits until the API server serves them. One
 * that somebody else made is used as it is when it says the same, and refused when it does not.
 *
 * @throws {DatamillError} CRD_FOREIGN, CRD_STORED_VERSION (exit 3), CRD_RIGHTS, CRD_NOT_ESTABLISHED (exit 1).
 */
export async function applyCrds(
  api: Api,
  wanted: readonly KubeObject[],
  options: CrdOptions,
): Promise<string[]> {
  const changed: string[] = [];
  // All are looked at before one is touched.
  const found = new Map<string, KubeObject | undefined>();
  for (const crd of wanted) found.set(crd.metadata.name, await look(api, crd));
  const mine: KubeObject[] = [];
  for (const crd of wanted) {
    const there = found.get(crd.metadata.name);
    if (there === undefined) mine.push(labelled(crd, options));
    else if (there.spec !== undefined && (await decide(api, crd, there, options)))
      mine.push(labelled(crd, options));
  }
  for (const crd of mine) {
    await apply(api, crd, { signal: options.signal });
    changed.push(crd.metadata.name);
  }
  const deadline = Date.now() + options.timeout;
  for (const name of changed) await established(api, name, deadline, options.signal);
  return changed;
}

/** The definition in the cluster; one without a spec stands for one that serves but may not be read. */
async function look(api: Api, crd: KubeObject): Promise<KubeObject | undefined> {
  try {
    return await api.find<KubeObject>(`${COLLECTION}/${crd.metadata.name}`);
  } catch (error) {
    if (!isStatus(error, 403)) throw error;
    const group = text(crd.spec?.group);
    for (const version of items(crd.spec?.versions)) {
      if (version.served === false) continue;
      if ((await api.find(`/apis/${group}/${text(version.name)}`).catch(() => undefined)) !== undefined)
        return { ...CRD, metadata: crd.metadata };
    }
    throw new DatamillError(
      'CRD_RIGHTS',
      `${crd.metadata.name} is not in the cluster, and this user may not add definitions`,
      { hint: 'ask whoever runs the cluster to install the component once; docs/rights.md has the Role' },
    );
  }
}

/** Whether a definition that is there is to be written. */
async function decide(
  api: Api,
  crd: KubeObject,
  there: KubeObject,
  { identity, adopt, signal }: CrdOptions,
): Promise<boolean> {
  const name = crd.metadata.name;
  const names = new Set(items(crd.spec?.versions).map((version) => text(version.name)));
  const stored = Array.isArray(there.status?.storedVersions) ? there.status.storedVersions.map(String) : [];
  const dropped = stored.filter((version) => !names.has(version));
  if (dropped.length > 0)
    throw refusedError(
      'CRD_STORED_VERSION',
      `${name} would lose the version ${dropped.join(', ')}, in which objects may still be stored`,
      {
        hint: `convert them to ${[...names].join(' or ')} and take ${dropped[0]} out of status.storedVersions of ${name}; see the upgrade notes of the component`,
      },
    );
  const would = await apply(api, { ...crd, metadata: { name } }, { dryRun: true, signal });
  const same = isDeepStrictEqual(would.spec, there.spec);
  if (isOurs(there.metadata.labels, identity)) return !same;
  if (same) return false;
  if (adopt) return true;
  throw refusedError('CRD_FOREIGN', `${name} is in the cluster already, made by somebody else, and differs`, {
    hint: 'if nothing else in the cluster depends on it, take it over with --adopt; else leave the component to whoever installed it',
  });
}

function labelled(crd: KubeObject, { identity, component }: CrdOptions): KubeObject {
  const { status: _, ...rest } = crd;
  const labels = { ...crd.metadata.labels, ...ownLabels(identity, component) };
  return { ...rest, metadata: { ...crd.metadata, labels } };
}

async function established(api: Api, name: string, deadline: number, signal?: AbortSignal): Promise<void> {
  for (;;) {
    const crd = await api.get<KubeObject>(`${COLLECTION}/${name}`, { signal });
    const state = readiness({ ...crd, ...CRD });
    if (state.ready) return;
    if (state.failed || Date.now() > deadline)
      throw new DatamillError('CRD_NOT_ESTABLISHED', `${name} is not served: ${state.message}`, {
        hint: 'another definition may have the same names: `kubectl get crds` lists them',
      });
    await sleep(200, undefined, { signal });
  }
}
