import { connect } from 'node:net';
import type { Subject } from '../../src/check/index.ts';
import { PodServer } from './pod-server.ts';

/**
 * A service `web` of namespace `shop` whose one pod is this machine: a fake of the API server leads
 * port-forwards to ports of loopback, as a node leads them to those of a pod.
 *
 * @param ports of the service, and of this machine.
 */
export async function podBridge(
  ports: Record<number, number>,
): Promise<{ pods: PodServer; subject: Subject }> {
  const pods = await PodServer.open([], []);
  const path = '/api/v1/namespaces/shop';
  const targets = Object.entries(ports).map(([port, targetPort]) => ({ port: Number(port), targetPort }));
  pods.objects.set(`${path}/services/web`, { spec: { selector: { app: 'web' }, ports: targets } });
  pods.objects.set(`${path}/pods`, {
    items: [
      {
        metadata: { name: 'web-1' },
        spec: { containers: [] },
        status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
      },
    ],
  });
  pods.api.portForward = async (_namespace, _pod, port) => connect({ host: '127.0.0.1', port });
  const subject: Subject = {
    api: pods.api,
    identity: { project: 'shop', namespace: 'shop' },
    component: 'web',
    namespace: 'shop',
    provides: {},
  };
  return { pods, subject };
}

/** Puts a Secret into the namespace `shop`. */
export function putSecret(pods: PodServer, name: string, values: Record<string, string>): void {
  const data = Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  );
  pods.objects.set(`/api/v1/namespaces/shop/secrets/${name}`, { metadata: { name }, data });
}
