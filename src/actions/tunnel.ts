import { existsSync } from 'node:fs';
import type { Api } from '../kube/client.ts';
import { connect } from '../kube/client.ts';
import { readAccess } from '../kube/kubeconfig.ts';
import { hybrid } from '../targets/hybrid.ts';
import {
  collectGarbage,
  defaultName as nameOfUser,
  imageName,
  listTunnels,
  parsePorts,
  removeTunnel,
  requireName,
  type Traffic,
  Tunnel,
  type TunnelEntry,
  type TunnelEvent,
  type TunnelSpec,
} from '../tunnel/index.ts';
import { openReal } from './pods.ts';
import type { ActionOptions } from './session.ts';

export { serve } from '../tunnel/index.ts';
export type { Traffic, TunnelEvent };

/** A tunnel before it is known where. */
export type NewTunnel = Omit<TunnelSpec, 'namespace'>;

/** The name that a tunnel of this user has when none is given. */
export function defaultName(): string {
  return nameOfUser();
}

/**
 * A tunnel as the command line or a flavour names it.
 *
 * @param wish.ports as `CLUSTER[:[HOST:]LOCAL]`; 8000 when there is none.
 * @throws {DatamillError} TUNNEL_NAME, TUNNEL_PORT (exit 2)
 */
export function newTunnel(
  wish: Omit<NewTunnel, 'name' | 'ports' | 'image'> & {
    name?: string;
    ports: readonly string[];
    image?: string;
  },
): NewTunnel {
  const { name = defaultName(), ports, image, ...rest } = wish;
  return { ...rest, name: requireName(name), ports: parsePorts(ports), image: imageName(image) };
}

/** A cluster, and the namespace in it. */
interface Place {
  api: Api;
  namespace: string;
  close(): void;
}

/**
 * Reaches the cluster: where a flavour runs when one is named, else a kube context as it is, with
 * the namespace that the context names.
 *
 * @throws {DatamillError} UNKNOWN_CONTEXT with the nearest name, NO_KUBECONFIG (exit 4).
 */
async function openPlace(options: ActionOptions): Promise<Place> {
  const { flavours, target, section, kubeconfig, context, namespace } = options;
  const isFile = target !== undefined && (existsSync(target) || /[/\\]|\.ya?ml$/.test(target));
  if (flavours !== undefined || section !== undefined || isFile) {
    const session = await openReal(options, 'a tunnel needs a real pod');
    return { api: session.api, namespace: session.identity.namespace, close: () => session.close() };
  }
  const spec = { driver: 'hybrid', name: '', storageClasses: [], settings: {}, config: kubeconfig };
  const handle = await hybrid.connect({ ...spec, context: context ?? target });
  const own = readAccess(handle.kubeconfig, handle.context).namespace;
  const api = connect(handle);
  return { api, namespace: namespace ?? own ?? 'default', close: () => api.close() };
}

export interface TunnelOptions extends ActionOptions {
  spec: NewTunnel;
  tell(event: TunnelEvent): void;
  /** Called once, with how to read the numbers while it runs. */
  onStart(traffic: () => Traffic): void;
}

/**
 * Lets pods call this machine until the signal fires.
 *
 * @returns the numbers at the end.
 * @throws {DatamillError} TUNNEL_RIGHTS, TUNNEL_FOREIGN (exit 3), HOST_KEY, SSH_AUTH (exit 4),
 *   TUNNEL_IN_USE, TUNNEL_TAKEN_OVER (exit 6), TUNNEL_POD.
 */
export async function tunnel(options: TunnelOptions): Promise<Traffic> {
  const { spec, tell, onStart, signal = new AbortController().signal } = options;
  const place = await openPlace(options);
  try {
    const running = new Tunnel(place.api, { ...spec, namespace: place.namespace }, { signal, report: tell });
    onStart(() => running.traffic());
    await running.run();
    return running.traffic();
  } finally {
    place.close();
  }
}

/** All tunnels of the namespace. */
export async function list(options: ActionOptions): Promise<{ namespace: string; tunnels: TunnelEntry[] }> {
  return await within(options, async ({ api, namespace }) => ({
    namespace,
    tunnels: await listTunnels(api, namespace, options.signal),
  }));
}

/** Removes one tunnel of this user. */
export async function down(options: ActionOptions & { name: string }): Promise<{ namespace: string }> {
  return await within(options, async ({ api, namespace }) => {
    await removeTunnel(api, namespace, options.name, options.signal);
    return { namespace };
  });
}

/** Removes what programs of this user that are gone left behind. */
export async function gc(options: ActionOptions): Promise<{ namespace: string; removed: string[] }> {
  return await within(options, async ({ api, namespace }) => ({
    namespace,
    removed: await collectGarbage(api, namespace, options.signal),
  }));
}

async function within<T>(options: ActionOptions, work: (place: Place) => Promise<T>): Promise<T> {
  const place = await openPlace(options);
  try {
    return await work(place);
  } finally {
    place.close();
  }
}
