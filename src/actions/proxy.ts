import { openProxy } from '../kube/stream/proxy.ts';
import { linksOf } from './links.ts';
import { type ActionOptions, openSession } from './session.ts';

export interface ProxyOptions extends ActionOptions {
  /** Instead of `project.proxy_port`. */
  port?: number;
}

export interface ProxyResult {
  context: string;
  wanted: number;
  port: number;
  address: string;
  simulated: boolean;
  /** The links named dashboard whose service is there. */
  dashboards: Array<{ component: string; address: string }>;
  close(): void;
}

/**
 * Serves the API server on a port of this machine, with the user's rights.
 *
 * @throws {DatamillError} NO_FREE_PORT (exit 1); exit 4 when the cluster cannot be reached.
 */
export async function proxy(options: ProxyOptions): Promise<ProxyResult> {
  const session = await openSession(options, 'connect');
  const { api, resolved, handle } = session;
  const close = () => session.close();
  try {
    const wanted = options.port ?? resolved.project.proxy_port;
    const there = await Promise.all(
      linksOf(resolved.components)
        .filter(({ link, scheme }) => link === 'dashboard' && scheme !== 'tcp')
        .map(async (link) => {
          const path = `/api/v1/namespaces/${link.namespace}/services`;
          const { signal } = options;
          // Whoever may not look finds out when the page is opened.
          const found = await api.find(`${path}/${link.service}`, { signal }).catch(() => undefined);
          const { scheme, service, port } = link;
          return found === undefined
            ? []
            : [{ component: link.component, path: `${path}/${scheme}:${service}:${port}/proxy${link.path}` }];
        }),
    );
    const server = await openProxy(api, wanted);
    const address = `http://127.0.0.1:${server.port}`;
    return {
      context: handle.context,
      wanted,
      port: server.port,
      address: `${address}/`,
      simulated: handle.simulated,
      dashboards: there.flat().map(({ component, path }) => ({ component, address: address + path })),
      close: () => {
        server.close();
        close();
      },
    };
  } catch (error) {
    close();
    throw error;
  }
}
