import type { Duplex } from 'node:stream';
import type { Api } from '../kube/client.ts';
import { dialNodes } from './node-port.ts';
import { SSH_PORT } from './ports.ts';

interface Dial {
  namespace: string;
  pod: string;
  /** Undefined: through the API server, which reaches the pod's loopback. */
  nodePort: number | undefined;
  signal: AbortSignal;
  /** Told when it takes longer. */
  onWait(message: string): void;
}

/** Opens a connection to the server in the pod. */
export async function dial(api: Api, { namespace, pod, nodePort, signal, onWait }: Dial): Promise<Duplex> {
  if (nodePort === undefined) return await api.portForward(namespace, pod, SSH_PORT, { signal });
  return await dialNodes(api, { port: nodePort, signal, onWait });
}
