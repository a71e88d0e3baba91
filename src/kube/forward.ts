import { type AddressInfo, createServer } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { DatamillError } from '../errors.ts';
import type { Api } from './client.ts';
import { condition } from './fields.ts';
import type { KubeObject } from './types.ts';

/** A port on this machine behind which a service of the cluster answers. */
export interface Forwarded {
  port: number;
  close(): void;
}

interface ServicePort {
  port: number;
  targetPort?: number | string;
}

/**
 * Opens a port on loopback that leads to a ready pod of a service.
 *
 * @throws {DatamillError} NO_READY_POD (exit 1) when no pod of the service is ready.
 */
export async function forwardService(
  api: Api,
  namespace: string,
  service: string,
  port: number,
  onError: (error: unknown) => void,
): Promise<Forwarded> {
  const { pod, podPort } = await backendOf(api, namespace, service, port);
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    api
      .portForward(namespace, pod, podPort)
      .then((connection) => pipeline(socket, connection, socket))
      .catch((error) => {
        onError(error);
        socket.destroy();
      });
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

async function backendOf(
  api: Api,
  namespace: string,
  service: string,
  port: number,
): Promise<{ pod: string; podPort: number }> {
  const found = await api.get<KubeObject>(`/api/v1/namespaces/${namespace}/services/${service}`);
  const spec = found.spec as { selector?: Record<string, string>; ports?: ServicePort[] };
  const labelSelector = Object.entries(spec.selector ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  const { items } = await api.get<{ items: KubeObject[] }>(`/api/v1/namespaces/${namespace}/pods`, {
    query: { labelSelector },
  });
  const ready = items.find(
    (pod) => condition(pod, 'Ready')?.status === 'True' && pod.metadata.deletionTimestamp === undefined,
  );
  if (ready === undefined)
    throw new DatamillError('NO_READY_POD', `no pod of service ${namespace}/${service} is ready`);
  const target = spec.ports?.find((candidate) => candidate.port === port)?.targetPort ?? port;
  return {
    pod: ready.metadata.name,
    podPort: typeof target === 'number' ? target : namedPort(ready, target),
  };
}

function namedPort(pod: KubeObject, name: string): number {
  const { containers } = pod.spec as {
    containers: Array<{ ports?: Array<{ name?: string; containerPort: number }> }>;
  };
  const port = containers.flatMap(({ ports }) => ports ?? []).find((candidate) => candidate.name === name);
  if (port === undefined)
    throw new DatamillError('NO_SUCH_PORT', `pod ${pod.metadata.name} has no port named ${name}`);
  return port.containerPort;
}
