import { DatamillError } from '../errors.ts';
import { type Right, reviewRights, rightsWords } from '../kube/access.ts';
import type { Api } from '../kube/client.ts';

/** From 1.35 on a stream over WebSockets takes `create` as well: KEP-4006. */
const CREATE_SINCE = 35;

const pods = (verbs: readonly string[], resource: string): Array<[string, string]> =>
  verbs.map((verb) => [verb, resource]);

function streamVerbs(kubernetes: string): string[] {
  const minor = Number(/^v?\d+\.(\d+)/.exec(kubernetes)?.[1] ?? CREATE_SINCE);
  return minor >= CREATE_SINCE ? ['get', 'create'] : ['get'];
}

/** What a debug pod takes. */
export function podRights(kubernetes: string): Array<[verb: string, resource: string]> {
  return [...pods(['create', 'get', 'delete'], 'pods'), ...pods(streamVerbs(kubernetes), 'pods/exec')];
}

/** What a container beside others takes. */
export function attachRights(kubernetes: string): Array<[verb: string, resource: string]> {
  return [
    ...pods(['get'], 'pods'),
    ...pods(['patch'], 'pods/ephemeralcontainers'),
    ...pods(streamVerbs(kubernetes), 'pods/attach'),
  ];
}

/**
 * Asks before anything is made whether the user may do all of it.
 *
 * @throws {DatamillError} RIGHTS (exit 1) that names each missing verb and resource.
 */
export async function requireRights(
  api: Api,
  namespace: string,
  wanted: ReadonlyArray<[verb: string, resource: string]>,
  signal?: AbortSignal,
): Promise<void> {
  const rights = wanted.map(([verb, resource]): Right => ({ verb, group: '', resource, namespace }));
  const { missing } = await reviewRights(api, rights, signal);
  if (missing.length === 0) return;
  throw new DatamillError('RIGHTS', `this user lacks rights: ${rightsWords(missing).join('; ')}`, {
    hint: 'docs/rights.md lists the Roles that data-mill needs',
  });
}
