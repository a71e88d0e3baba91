import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Api } from '../kube/client.ts';
import { condition, items, text } from '../kube/fields.ts';
import { list } from '../kube/objects.ts';
import type { KubeObject } from '../kube/types.ts';
import { abortError } from '../util/abort.ts';
import { noReadyNode, nodesUnreachable } from './errors.ts';
import { SSH_PORT } from './ports.ts';

/** Milliseconds for one node to answer. */
const NODE_WITHIN = 5000;

export interface Dial {
  namespace: string;
  pod: string;
  /** Undefined: through the API server, which reaches the pod's loopback. */
  nodePort: number | undefined;
  signal: AbortSignal;
}

/** Opens a connection to the server in the pod. */
export async function dial(api: Api, { namespace, pod, nodePort, signal }: Dial): Promise<Duplex> {
  if (nodePort === undefined) return await api.portForward(namespace, pod, SSH_PORT, { signal });
  const addresses = await nodeAddresses(api, signal);
  if (addresses.length === 0) throw noReadyNode();
  let last: unknown;
  for (const address of addresses) {
    try {
      return await dialNode(address, nodePort, signal);
    } catch (error) {
      if (signal.aborted) throw abortError(signal);
      last = error;
    }
  }
  throw nodesUnreachable(addresses, nodePort, last);
}

/** Every node answers for the service: those that are ready, addresses for the outside first. */
async function nodeAddresses(api: Api, signal: AbortSignal): Promise<string[]> {
  const nodes = await list(api, { apiVersion: 'v1', kind: 'Node' }, { signal });
  const ready = nodes.filter((node) => condition(node, 'Ready')?.status === 'True');
  const of = (node: KubeObject, type: string) =>
    items(node.status?.addresses).flatMap((one) => (one.type === type ? [text(one.address)] : []));
  const each = ready.map((node) => [...of(node, 'ExternalIP'), ...of(node, 'InternalIP')]);
  return [...new Set(each.flat())].slice(0, 6);
}

function dialNode(host: string, port: number, signal: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true, signal });
    const timer = setTimeout(
      () => socket.destroy(new Error(`no answer in ${NODE_WITHIN / 1000} s`)),
      NODE_WITHIN,
    );
    socket.once('error', reject);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', reject);
      resolve(socket);
    });
    socket.once('close', () => clearTimeout(timer));
  });
}
