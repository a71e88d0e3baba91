import type { Api } from '../client.ts';
import { openChannel } from './channel.ts';
import type { PodConnection } from './connection.ts';
import type { PodPort } from './errors.ts';
import { Tunnel } from './tunnel.ts';

/** The best first; API servers before 1.31 know only the other one. */
const TUNNEL = 'SPDY/3.1+portforward.k8s.io';
const CHANNEL = 'v4.channel.k8s.io';
/** Milliseconds that a tunnel waits for its next connection. */
const IDLE = 30_000;
/** Tunnels to one pod that may wait. */
const KEPT = 32;

/** The tunnels of one API server that wait for a connection, by pod. */
export class TunnelPool {
  readonly #api: Api;
  readonly #idle = new Map<string, Array<{ tunnel: Tunnel; timer: NodeJS.Timeout }>>();

  constructor(api: Api) {
    this.#api = api;
  }

  /** Opens a connection, through a tunnel that waits where there is one. */
  async connect(at: PodPort, signal: AbortSignal | undefined): Promise<PodConnection> {
    const waiting = this.#take(at);
    if (waiting !== undefined) return waiting.open(at, signal);
    const path = `/api/v1/namespaces/${at.namespace}/pods/${at.pod}/portforward?ports=${at.port}`;
    const { socket, protocol } = await this.#api.socket(path, [TUNNEL, CHANNEL], signal);
    if (protocol === CHANNEL) return openChannel(socket, at, signal);
    return new Tunnel(socket, (tunnel) => this.#keep(at, tunnel)).open(at, signal);
  }

  #take(at: PodPort): Tunnel | undefined {
    const list = this.#idle.get(keyOf(at)) ?? [];
    for (let next = list.pop(); next !== undefined; next = list.pop()) {
      clearTimeout(next.timer);
      if (next.tunnel.usable) return next.tunnel;
      next.tunnel.close();
    }
    return undefined;
  }

  #keep(at: PodPort, tunnel: Tunnel): void {
    const key = keyOf(at);
    const list = this.#idle.get(key) ?? [];
    if (!tunnel.usable || list.length >= KEPT) {
      tunnel.close();
      return;
    }
    const timer = setTimeout(() => {
      const rest = (this.#idle.get(key) ?? []).filter((one) => one.tunnel !== tunnel);
      if (rest.length > 0) this.#idle.set(key, rest);
      else this.#idle.delete(key);
      tunnel.close();
    }, IDLE);
    list.push({ tunnel, timer: timer.unref() });
    this.#idle.set(key, list);
  }
}

function keyOf({ namespace, pod }: PodPort): string {
  return `${namespace}/${pod}`;
}
