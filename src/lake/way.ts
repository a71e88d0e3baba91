import type { Api } from '../kube/client.ts';
import { type Forwarded, forwardService } from '../kube/forward.ts';
import type { Address } from './exchange.ts';

/** How requests reach a store. */
export interface Way {
  address(): Promise<Address>;
  /** What is wrong on the way, when that says more than a connection that broke. */
  trouble(): unknown;
  close(): void;
}

/** A store that this machine reaches by itself. */
export function directWay(address: Address): Way {
  return { address: async () => address, trouble: () => undefined, close: () => undefined };
}

/** The name of an address in the head of a request: part of what is signed. */
export function authorityOf({ secure, host, port }: Address): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return port === (secure ? 443 : 80) ? name : `${name}:${port}`;
}

interface Service {
  namespace: string;
  service: string;
  port: number;
  secure: boolean;
  ca?: string;
}

/** A store inside the cluster, through a port-forward, which goes to another pod when one goes away. */
export function forwardedWay(api: Api, { namespace, service, port, secure, ca }: Service): Way {
  let opening: Promise<Forwarded> | undefined;
  let last: unknown;
  const note = (error: unknown) => {
    last = error;
  };
  const start = async () => {
    try {
      return await forwardService(api, namespace, service, port, note);
    } catch (error) {
      // Tried again by the next request.
      opening = undefined;
      throw error;
    }
  };
  return {
    address: async () => {
      opening ??= start();
      const { port } = await opening;
      return { secure, host: '127.0.0.1', port, servername: `${service}.${namespace}.svc`, ca };
    },
    trouble: () => last,
    close: () => void opening?.then((forwarded) => forwarded.close()).catch(() => undefined),
  };
}
