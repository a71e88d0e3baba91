import { DatamillError, errorMessage } from '../errors.ts';
import { reviewRights, rightsWords } from '../kube/access.ts';
import { Forward, type ForwardEvent, type Forwarded } from '../kube/forward.ts';
import { driverFor } from '../targets/index.ts';
import { addressOf, assignPorts, type ComponentLink, linksOf, type PortWish, requireLinks } from './links.ts';
import { requireRealPods } from './pods.ts';
import { type ActionOptions, openResolved, resolveForTarget, type Session } from './session.ts';

export interface ForwardOptions extends ActionOptions {
  /** Only the links of this component. */
  component?: string;
  /** Only this one of them. */
  link?: string;
  /** Without `link`: only the first one. */
  first?: boolean;
  ports?: readonly PortWish[];
  tell: (event: LinkEvent) => void;
}

/** A link that can be reached from this machine. */
export interface OpenLink extends ComponentLink {
  /** The port that was wanted on this machine, and the one that it got. */
  wanted: number;
  local: number;
  address: string;
  /** Why nothing answers there yet; empty when something does. */
  message: string;
}

/** Something happened to a link after it was opened. */
export interface LinkEvent {
  type: 'reconnected' | 'refused';
  component: string;
  link: string;
  /** The pod that connections go to now. */
  pod?: string;
  /** Code of the error. */
  code?: string;
  message: string;
}

export interface Forwards {
  context: string;
  links: OpenLink[];
  /** Links that cannot be reached, and why. */
  missing: Array<{ link: ComponentLink; error: DatamillError }>;
  close(): void;
}

/** The same failure of a link is told once in so many milliseconds: browsers try again and again. */
const QUIET = 10_000;

/**
 * Opens a port on this machine for every link of the flavour, or of one component.
 *
 * @throws {DatamillError} NO_LINKS, UNKNOWN_LINK, FLAG (exit 2); SIMULATED (exit 3); RIGHTS, and
 *   when not one link can be reached the reason of the first (exit 1); exit 4 without a cluster.
 */
export async function openForwards(options: ForwardOptions): Promise<Forwards> {
  const { component, ports = [], tell, signal } = options;
  const one = component === undefined ? {} : { components: [component], only: true };
  const { resolved, target } = resolveForTarget({ ...options, ...one });
  const all = linksOf(resolved.components);
  requireLinks(all, component);
  const chosen = options.first ? all.slice(0, 1) : all;
  const links = options.link === undefined ? chosen : [named(all, options.link)];
  const assigned = assignPorts(links, ports);
  const verb = options.first ? 'open' : 'forward';
  requireRealPods({ handle: driverFor(target.driver) }, verb);
  const session = await openResolved(resolved, target, options, 'connect');
  const opened: Forwarded[] = [];
  const close = () => {
    for (const forwarded of opened) forwarded.close();
    session.close();
  };
  try {
    requireRealPods(session, verb);
    await requireRights(session, links, signal);
    const result: Forwards = { context: session.handle.context, links: [], missing: [], close };
    for (const link of links) {
      const forward = new Forward(session.api, link, reporter(link, tell));
      const found = await look(forward);
      if (found.error !== undefined && !found.mayCome) {
        result.missing.push({ link, error: explain(link, found.error) });
        continue;
      }
      const wanted = assigned.get(link) ?? (typeof link.port === 'number' ? link.port : found.port) ?? 0;
      const forwarded = await forward.listen(wanted);
      opened.push(forwarded);
      const { port: local } = forwarded;
      const message = found.error === undefined ? '' : errorMessage(found.error);
      result.links.push({ ...link, wanted, local, address: addressOf(link, local), message });
    }
    const [first] = result.missing;
    if (result.links.length === 0 && first !== undefined) throw first.error;
    return result;
  } catch (error) {
    close();
    throw error;
  }
}

function named(links: readonly ComponentLink[], name: string): ComponentLink {
  const found = links.find(({ link }) => link === name);
  if (found !== undefined) return found;
  throw new DatamillError('UNKNOWN_LINK', `${links[0]!.component} has no link "${name}"`, {
    exitCode: 2,
    hint: `its links are ${links.map(({ link }) => link).join(', ')}`,
  });
}

/** What is looked at, and how; said before anything is opened, not at the first connection. */
async function requireRights(
  { api, kubernetes }: Session,
  links: readonly ComponentLink[],
  signal: AbortSignal | undefined,
): Promise<void> {
  // WebSockets came with `get`; from 1.35 on the API server asks for `create` too.
  const minor = Number(/^v?1\.(\d+)/.exec(kubernetes)?.[1] ?? 0);
  const verbs = minor >= 35 ? ['get', 'create'] : ['get'];
  const rights = links.flatMap(({ namespace }) => [
    { verb: 'get', group: '', resource: 'services', namespace },
    { verb: 'list', group: '', resource: 'pods', namespace },
    ...verbs.map((verb) => ({ verb, group: '', resource: 'pods/portforward', namespace })),
  ]);
  const { missing } = await reviewRights(api, rights, signal);
  if (missing.length === 0) return;
  throw new DatamillError('RIGHTS', `this user lacks rights: ${rightsWords(missing).join('; ')}`, {
    hint: 'docs/rights.md lists the Roles that data-mill needs',
  });
}

/** Whether a pod answers now, or may later. */
async function look(forward: Forward): Promise<{ port?: number; error?: DatamillError; mayCome?: boolean }> {
  try {
    return { port: (await forward.find()).port };
  } catch (error) {
    if (!(error instanceof DatamillError) || error.exitCode !== 1) throw error;
    return { error, mayCome: error.code === 'NO_READY_POD' };
  }
}

function explain({ component, link }: ComponentLink, error: DatamillError): DatamillError {
  const hint =
    error.code === 'NO_SERVICE' ? `\`datamill up -c ${component}\` installs ${component}` : error.hint;
  return new DatamillError(error.code, `${component} ${link}: ${error.message}`, { cause: error, hint });
}

function reporter({ component, link }: ComponentLink, tell: (event: LinkEvent) => void) {
  let last = '';
  let at = 0;
  return (event: ForwardEvent) => {
    if (event.type === 'pod') {
      const { pod, before } = event;
      if (before === undefined) return;
      last = '';
      return tell({
        type: 'reconnected',
        component,
        link,
        pod,
        message: `${pod} took the place of ${before}`,
      });
    }
    const message = errorMessage(event.error);
    if (message === last && Date.now() - at < QUIET) return;
    last = message;
    at = Date.now();
    const { code } = event.error instanceof DatamillError ? event.error : { code: 'BUG' };
    tell({ type: 'refused', component, link, code, message });
  };
}
