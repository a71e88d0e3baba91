import { refusedError } from '../errors.ts';
import { type Right, reviewRights, rightsWords } from '../kube/access.ts';
import type { Api } from '../kube/client.ts';
import type { Transport } from './types.ts';

const NEEDED: ReadonlyArray<{ group: string; resource: string; verbs: string[] }> = [
  { group: 'batch', resource: 'jobs', verbs: ['get', 'create', 'patch', 'delete'] },
  { group: 'apps', resource: 'deployments', verbs: ['get', 'list', 'create', 'delete'] },
  { group: '', resource: 'services', verbs: ['get', 'create', 'patch', 'delete'] },
  { group: '', resource: 'secrets', verbs: ['get', 'create', 'delete'] },
  { group: 'networking.k8s.io', resource: 'networkpolicies', verbs: ['get', 'create', 'delete'] },
  { group: '', resource: 'pods', verbs: ['list'] },
];

/** From this minor version of Kubernetes on a WebSocket to a pod takes `create` as well as `get`. */
const CREATE_FROM = 35;

async function rightsOf(
  transport: Transport,
  api: Api,
  namespace: string,
  signal: AbortSignal,
): Promise<Right[]> {
  if (transport === 'nodeport') return [{ verb: 'list', group: '', resource: 'nodes' }];
  const { major, minor } = await api.get<{ major?: string; minor?: string }>('/version', { signal });
  const both = Number(major) > 1 || Number.parseInt(minor ?? '', 10) >= CREATE_FROM;
  const verbs = both ? ['get', 'create'] : ['get'];
  return verbs.map((verb) => ({ verb, group: '', resource: 'pods/portforward', namespace }));
}

/**
 * Asks before anything is made.
 *
 * @throws {DatamillError} TUNNEL_RIGHTS (exit 3) with the verbs that are missing.
 */
export async function requireRights(
  api: Api,
  namespace: string,
  transport: Transport,
  signal: AbortSignal,
): Promise<void> {
  const rights = NEEDED.flatMap(({ group, resource, verbs }) =>
    verbs.map((verb): Right => ({ verb, group, resource, namespace })),
  );
  const wanted = [...rights, ...(await rightsOf(transport, api, namespace, signal))];
  const { missing } = await reviewRights(api, wanted, signal);
  if (missing.length === 0) return;
  throw refusedError('TUNNEL_RIGHTS', `you may not ${rightsWords(missing).join('; ')}`, {
    hint: 'docs/tunnel.md has the Role that a tunnel needs: ask whoever administers the namespace for it',
  });
}
