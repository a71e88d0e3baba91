import { configError } from '../errors.ts';
import type { ResolvedComponent } from '../resolve/types.ts';

/** A link that a component declares, and where it leads. */
export interface ComponentLink {
  component: string;
  link: string;
  namespace: string;
  service: string;
  /** Of the service: a number or a name. */
  port: number | string;
  scheme: string;
  path: string;
}

/** All links of these components, in their order. */
export function linksOf(components: readonly ResolvedComponent[]): ComponentLink[] {
  return components.flatMap(({ name, namespace, links }) =>
    Object.entries(links).map(([link, { service, port, scheme, path }]) => ({
      component: name,
      link,
      namespace,
      service,
      port,
      scheme,
      path,
    })),
  );
}

/** @throws {DatamillError} NO_LINKS (exit 2) when there is nothing to forward to. */
export function requireLinks(links: readonly ComponentLink[], component: string | undefined): void {
  if (links.length > 0) return;
  if (component === undefined)
    throw configError('NO_LINKS', 'no component of this flavour declares a link', {
      hint: '`datamill components` lists the components',
    });
  throw configError('NO_LINKS', `${component} declares no links: it has nothing to open`, {
    hint: 'links stand in its component.yaml: `links: { ui: { service: …, port: …, path: / } }`',
  });
}

/** What a person types or clicks, with a port of this machine. */
export function addressOf({ scheme, path }: Pick<ComponentLink, 'scheme' | 'path'>, port: number): string {
  return scheme === 'tcp' ? `127.0.0.1:${port}` : `${scheme}://127.0.0.1:${port}${path}`;
}

/** A local port, and the port of the service that it is for. */
export interface PortWish {
  local: number;
  remote?: number;
}

/**
 * Reads `LOCAL[:REMOTE]`.
 *
 * @throws {DatamillError} FLAG (exit 2).
 */
export function readPortWish(text: string): PortWish {
  const [, local, remote] = /^(\d{1,5})(?::(\d{1,5}))?$/.exec(text) ?? [];
  const valid = (port: string | undefined) =>
    port === undefined || (Number(port) > 0 && Number(port) < 65_536);
  if (local === undefined || !valid(local) || !valid(remote))
    throw configError('FLAG', `--port ${text}: expected LOCAL or LOCAL:REMOTE, such as 8080 or 8080:9001`);
  return { local: Number(local), ...(remote === undefined ? {} : { remote: Number(remote) }) };
}

/**
 * Gives each wish its link.
 *
 * @throws {DatamillError} FLAG (exit 2) when it is not clear which link is meant.
 */
export function assignPorts(
  links: readonly ComponentLink[],
  wishes: readonly PortWish[],
): Map<ComponentLink, number> {
  const assigned = new Map<ComponentLink, number>();
  for (const { local, remote } of wishes) {
    const meant = links.filter(({ port }) => remote === undefined || port === remote);
    const [link] = meant;
    if (link !== undefined && meant.length === 1) assigned.set(link, local);
    else throw unclear(links, local, remote);
  }
  return assigned;
}

function unclear(links: readonly ComponentLink[], local: number, remote: number | undefined) {
  const there = links.map(({ component, link, port }) => `${component} ${link} (${port})`).join(', ');
  const flag = `--port ${local}${remote === undefined ? '' : `:${remote}`}`;
  const few = remote !== undefined && links.every(({ port }) => port !== remote);
  return configError('FLAG', `${flag}: ${few ? 'no link has that port' : 'several links could be meant'}`, {
    hint: `the links are ${there}; name the component, and the port as LOCAL:REMOTE`,
  });
}
