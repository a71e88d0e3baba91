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

/** Since Kubernetes 1.35 it takes `create` too; which server wants what, it says best itself. */
const OF_TRANSPORT: Record<Transport, (namespace: string) => Right[]> = {
  api: (namespace) => [{ verb: 'get', group: '', resource: 'pods/portforward', namespace }],
  nodeport: () => [{ verb: 'list', group: '', resource: 'nodes' }],
};

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
  const { missing } = await reviewRights(api, [...rights, ...OF_TRANSPORT[transport](namespace)], signal);
  if (missing.length === 0) return;
  throw refusedError('TUNNEL_RIGHTS', `you may not ${rightsWords(missing).join('; ')}`, {
    hint: 'docs/tunnel.md has the Role that a tunnel needs: ask whoever administers the namespace for it',
  });
}
