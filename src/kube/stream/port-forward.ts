import type { Duplex } from 'node:stream';
import type { Api } from '../client.ts';
import { openError, type PodPort } from './errors.ts';
import { TunnelPool } from './pool.ts';

const pools = new WeakMap<Api, TunnelPool>();

/**
 * Opens one TCP connection to a port of a pod, on the pod's loopback, through the API server.
 *
 * The stream passes back-pressure on both ways. Nodes take no half-close: they cut a connection
 * about a second after our end. So `end()` waits for the pod's answer before the node is told: for
 * half a minute until it begins, then until it pauses. The stream is destroyed with an error when
 * the port is closed, the pod vanishes or the connection is cut, also soon after it was opened: the
 * node dials the port only then. `signal` ends it.
 *
 * @throws {DatamillError} POD_GONE; KUBE_FORBIDDEN; exit 4 when the API server does not answer.
 */
export async function portForward(api: Api, at: PodPort, signal?: AbortSignal): Promise<Duplex> {
  const pool = pools.get(api) ?? new TunnelPool(api);
  pools.set(api, pool);
  try {
    return await pool.connect(at, signal);
  } catch (error) {
    throw openError(error, 'pods/portforward', at);
  }
}
