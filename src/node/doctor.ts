import { errorMessage } from '../errors.ts';
import { type Right, reviewRights, rightsWords } from '../kube/access.ts';
import type { Api } from '../kube/client.ts';
import type { NodeConfig } from './config.ts';
import { gateWords, probe } from './isolation/gate.ts';

export interface NodeFinding {
  name: 'rights' | 'claims' | 'proxy' | 'isolation';
  result: 'passed' | 'failed';
  message: string;
}

const VERBS: ReadonlyArray<[string, string, string[]]> = [
  ['batch', 'jobs', ['create', 'get', 'list', 'watch', 'patch', 'delete']],
  ['', 'pods', ['create', 'get', 'list', 'watch', 'delete']],
  ['', 'pods/log', ['get']],
  ['', 'secrets', ['create', 'get', 'delete', 'list']],
  ['networking.k8s.io', 'networkpolicies', ['create', 'get', 'list', 'patch', 'delete']],
];

/** What a node needs in the namespace of its Jobs; the chart's Role grants the same. */
function nodeRights({ jobs, proxy, namespace }: NodeConfig): Right[] {
  const inJobs = VERBS.flatMap(([group, resource, verbs]) =>
    verbs.map((verb): Right => ({ verb, group, resource, namespace: jobs.namespace })),
  );
  return [
    ...inJobs,
    { verb: 'get', group: '', resource: 'services', namespace: proxy.namespace ?? namespace },
  ];
}

/** Rights, storage, and the isolation that is shown from inside of a pod. */
export async function examineNode(
  api: Api,
  config: NodeConfig,
  signal?: AbortSignal,
): Promise<NodeFinding[]> {
  const { missing } = await reviewRights(api, nodeRights(config), signal);
  const rights: NodeFinding = {
    name: 'rights',
    result: missing.length === 0 ? 'passed' : 'failed',
    message: missing.length === 0 ? `all in ${config.jobs.namespace}` : rightsWords(missing).join('; '),
  };
  return [rights, await claims(api, config, signal), ...(await network(api, config, signal))];
}

async function claims(api: Api, { jobs, databases }: NodeConfig, signal?: AbortSignal): Promise<NodeFinding> {
  const named = databases.flatMap(({ uri }) => /^claim:\/\/([^/]+)/.exec(uri)?.[1] ?? []);
  const wanted = [...new Set([...named, ...(jobs.claim === undefined ? [] : [jobs.claim])])];
  const missing: string[] = [];
  try {
    for (const name of wanted) {
      const path = `/api/v1/namespaces/${jobs.namespace}/persistentvolumeclaims/${name}`;
      if ((await api.find(path, { signal })) === undefined) missing.push(name);
    }
  } catch (error) {
    return { name: 'claims', result: 'failed', message: errorMessage(error) };
  }
  if (missing.length === 0)
    return { name: 'claims', result: 'passed', message: wanted.join(', ') || 'none wanted' };
  return { name: 'claims', result: 'failed', message: `not in ${jobs.namespace}: ${missing.join(', ')}` };
}

/** As the original's diagnostics: the Internet is out of reach, and the proxy is not. */
async function network(api: Api, config: NodeConfig, signal?: AbortSignal): Promise<NodeFinding[]> {
  try {
    const gate = await gateWords(api, config);
    const proxy = { name: 'proxy', result: 'passed', message: `${gate.proxyIp}:${gate.proxyPort}` } as const;
    const { isolated, message } = await probe(api, config, gate, signal);
    return [proxy, { name: 'isolation', result: isolated ? 'passed' : 'failed', message }];
  } catch (error) {
    signal?.throwIfAborted();
    return [{ name: 'isolation', result: 'failed', message: errorMessage(error) }];
  }
}
