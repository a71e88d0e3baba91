import type { Api } from '../kube/client.ts';
import { isStatus } from '../kube/errors.ts';
import { millis, text } from '../kube/fields.ts';
import { holderIsDead, holderOf } from '../kube/holder.ts';
import type { KubeObject } from '../kube/types.ts';
import { type Observation, unknown, warning } from './observation.ts';

/** A holder renews it every few seconds; see kube/lease.ts. */
const STALE = 30_000;

/** The lock of a namespace: a run that is at work, or what a dead one left. */
export async function examineLock(
  api: Api,
  namespace: string,
  signal?: AbortSignal,
): Promise<{ busy: boolean; found: Observation[] }> {
  const where = `Lease ${namespace}/datamill`;
  let lease: KubeObject | undefined;
  try {
    lease = await api.find<KubeObject>(
      `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/datamill`,
      { signal },
    );
  } catch (error) {
    if (isStatus(error, 403))
      return { busy: false, found: [unknown('the lock: this user may not look at it', { where })] };
    throw error;
  }
  if (lease === undefined || holderOf(lease) === '') return { busy: false, found: [] };
  const renewed = millis(text(lease.spec?.renewTime)) ?? 0;
  if (holderIsDead(lease) || Date.now() - renewed > STALE)
    return {
      busy: false,
      found: [
        warning(`${holderOf(lease)} left the lock behind at ${new Date(renewed).toISOString()}`, {
          where,
          remedy: '`datamill up` takes it over and repairs what was cut short',
        }),
      ],
    };
  return {
    busy: true,
    found: [
      warning(`${holderOf(lease)} is at work`, { where, remedy: 'wait for it: `datamill up --wait-lock`' }),
    ],
  };
}
