import type { Check } from '../config/schema/check.ts';
import { KubeError } from '../kube/errors.ts';
import { condition } from '../kube/fields.ts';
import { pathOf } from '../kube/resources.ts';
import type { KubeObject } from '../kube/types.ts';
import { final, notYet } from './failure.ts';
import type { Attempt } from './subject.ts';

/** Looks whether an object of the cluster has a condition, such as `Ready` of a custom resource. */
export async function checkCondition(
  { apiVersion, kind, name, namespace, type, status }: NonNullable<Check['condition']>,
  { api, namespace: own, signal, doing }: Attempt,
): Promise<string> {
  const label = `${kind}/${name}`;
  doing(`waiting for ${type}=${status} of ${label}`);
  const object = await find(api, { apiVersion, kind, name, namespace: namespace ?? own }, signal);
  if (object === undefined) throw notYet(`there is no ${label}`);
  const found = condition(object, type);
  if (found === undefined) throw notYet(`${label} has no condition ${type}`);
  const said = [found.reason, found.message].filter((part) => part !== '').join(': ');
  const words = `${label} has ${type}=${found.status}${said === '' ? '' : ` (${said})`}`;
  if (found.status !== status) throw notYet(`${words}, expected ${status}`);
  return words;
}

async function find(
  api: Attempt['api'],
  ref: { apiVersion: string; kind: string; name: string; namespace: string },
  signal: AbortSignal,
): Promise<KubeObject | undefined> {
  try {
    return await api.find<KubeObject>(await pathOf(api, ref), { signal });
  } catch (error) {
    if (error instanceof KubeError && error.status === 403) throw final(error.message, error.hint);
    throw error;
  }
}
