import { DatamillError } from '../../errors.ts';
import type { Api } from '../client.ts';
import { isStatus } from '../errors.ts';
import { condition, fields, items, text } from '../fields.ts';
import type { KubeObject } from '../types.ts';

/** A port of a service, by number or name. */
export interface ServicePort {
  namespace: string;
  service: string;
  port: number | string;
}

/** A port of one pod of a service. */
export interface Backend {
  pod: string;
  port: number;
}

/**
 * Finds a ready pod behind a port of a service.
 *
 * @throws {DatamillError} NO_SERVICE, NO_SUCH_PORT, NO_READY_POD with the reason (all exit 1).
 */
export async function findBackend(api: Api, at: ServicePort, signal?: AbortSignal): Promise<Backend> {
  const { namespace, service } = at;
  const path = `/api/v1/namespaces/${namespace}`;
  const found = await api.get<KubeObject>(`${path}/services/${service}`, { signal }).catch((error) => {
    if (!isStatus(error, 404)) throw error;
    throw new DatamillError('NO_SERVICE', `there is no service ${service} in namespace ${namespace}`, {
      cause: error,
    });
  });
  const port = servicePort(found, at);
  const labelSelector = Object.entries(fields(found.spec?.selector))
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  if (labelSelector === '') {
    throw new DatamillError('NO_READY_POD', `service ${namespace}/${service} leads to no pods of its own`);
  }
  const { items: pods } = await api.get<{ items: KubeObject[] }>(`${path}/pods`, {
    query: { labelSelector },
    signal,
  });
  const ready = pods.find((pod) => condition(pod, 'Ready')?.status === 'True' && !isLeaving(pod));
  if (ready === undefined) throw noReadyPod(at, pods);
  const target = port.targetPort ?? port.port;
  return {
    pod: ready.metadata.name,
    port: typeof target === 'number' ? target : namedPort(ready, text(target)),
  };
}

function servicePort(service: KubeObject, at: ServicePort): Record<string, unknown> {
  const ports = items(service.spec?.ports);
  const port = ports.find((one) => one.port === at.port || one.name === at.port);
  if (port !== undefined) return port;
  const there = ports.map((one) => one.port).join(', ');
  throw new DatamillError(
    'NO_SUCH_PORT',
    `service ${at.namespace}/${at.service} has no port ${at.port}; it has ${there || 'none'}`,
  );
}

function namedPort(pod: KubeObject, name: string): number {
  const port = items(pod.spec?.containers)
    .flatMap((container) => items(container.ports))
    .find((candidate) => candidate.name === name)?.containerPort;
  if (typeof port === 'number') return port;
  throw new DatamillError('NO_SUCH_PORT', `pod ${pod.metadata.name} has no port named ${name}`);
}

function isLeaving(pod: KubeObject): boolean {
  return pod.metadata.deletionTimestamp !== undefined;
}

function noReadyPod({ namespace, service }: ServicePort, pods: KubeObject[]): DatamillError {
  const why = pods.length === 0 ? 'it has no pods' : pods.map(reasonOf).join('; ');
  return new DatamillError('NO_READY_POD', `no pod of service ${namespace}/${service} is ready: ${why}`);
}

function reasonOf(pod: KubeObject): string {
  const { name } = pod.metadata;
  if (isLeaving(pod)) return `${name} is ending`;
  const waiting = items(pod.status?.containerStatuses)
    .map(({ state }) => text(fields(fields(state).waiting).reason))
    .find((reason) => reason !== '');
  const unready = condition(pod, 'Ready') ?? condition(pod, 'PodScheduled');
  return `${name} is ${text(pod.status?.phase)} (${waiting || unready?.message || 'not ready yet'})`;
}
