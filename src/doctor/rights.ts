import type { Right } from '../kube/access.ts';
import type { Api } from '../kube/client.ts';
import { resourceOf } from '../kube/resources.ts';
import type { Kind } from './kinds.ts';

/** What a flavour does in the cluster, as far as rights go. */
export interface Undertaking {
  /** Namespace of the lock; undefined when it has to be made. */
  home?: string;
  /** Namespaces that are there, with what is made in them. */
  places: Array<{
    namespace: string;
    kinds: readonly Kind[];
    /** Jobs that run before and after components. */
    jobs: boolean;
    /** Connections to ports of pods, as making buckets takes. */
    forwards: boolean;
    /** What the checks take, without which installing still comes to an end. */
    checks: { jobs: boolean; forwards: boolean };
  }>;
  /** Namespaces that have to be made. */
  absent: readonly string[];
}

/** `needed`: it fails without; `useful`: it does with less, and says less. */
export interface RightsWanted {
  needed: Right[];
  useful: Right[];
}

const CORE = '';
const WRITE = ['get', 'list', 'watch', 'create', 'patch'];
/** For upgrades, rollbacks and `down`. */
const CHANGE = ['update', 'delete'];

/** The rights that installing takes; docs/rights.md has them as Roles. */
export async function rightsFor(api: Api, { home, places, absent }: Undertaking): Promise<RightsWanted> {
  const lease = (...verbs: string[]) =>
    home === undefined ? [] : all(verbs, 'coordination.k8s.io', 'leases', home);
  const needed: Right[] = [
    ...lease('get', 'create', 'update'),
    ...(absent.length > 0 ? all(['create'], CORE, 'namespaces') : []),
  ];
  const useful: Right[] = [
    ...lease('delete'),
    ...all(['list'], CORE, 'nodes'),
    ...all(['list'], 'storage.k8s.io', 'storageclasses'),
  ];
  for (const { namespace, kinds, jobs, forwards, checks } of places) {
    // Helm's own revisions and what data-mill makes; the record is a ConfigMap.
    needed.push(...all(['get', 'list', 'create', 'update', 'delete'], CORE, 'secrets', namespace));
    needed.push(...all(['get', 'list', 'create', 'patch'], CORE, 'configmaps', namespace));
    if (jobs) needed.push(...all(['get', 'create', 'delete'], 'batch', 'jobs', namespace));
    if (forwards) needed.push(...all(['get'], CORE, 'pods/portforward', namespace));
    if (checks.jobs) useful.push(...all(['get', 'create', 'delete'], 'batch', 'jobs', namespace));
    // A WebSocket is opened with a GET; newer API servers ask for `create` as well.
    if (forwards || checks.forwards)
      useful.push(...all(['get', 'create'], CORE, 'pods/portforward', namespace));
    for (const kind of kinds) {
      const found = await resource(api, kind);
      if (found === undefined) continue;
      const { group, plural, namespaced } = found;
      const where = namespaced ? namespace : undefined;
      needed.push(...all(WRITE, group, plural, where));
      useful.push(...all(CHANGE, group, plural, where));
    }
    useful.push(
      ...all(['get', 'list', 'watch'], CORE, 'pods', namespace),
      ...all(['list'], CORE, 'events', namespace),
      ...all(['get'], CORE, 'pods/log', namespace),
      ...all(['list', 'watch'], 'apps', 'replicasets', namespace),
      ...all(['list'], CORE, 'persistentvolumeclaims', namespace),
    );
  }
  const known = new Set(needed.map((right) => JSON.stringify(right)));
  return { needed, useful: useful.filter((right) => !known.has(JSON.stringify(right))) };
}

function all(verbs: readonly string[], group: string, name: string, namespace?: string): Right[] {
  return verbs.map((verb) => ({ verb, group, resource: name, namespace }));
}

/** Undefined for a custom kind that the cluster does not know yet: a chart may bring its definition. */
async function resource(api: Api, { apiVersion, kind }: Kind) {
  const group = apiVersion.includes('/') ? apiVersion.split('/')[0]! : CORE;
  try {
    return { group, ...(await resourceOf(api, apiVersion, kind)) };
  } catch {
    return undefined;
  }
}
