import { DatamillError, refusedError } from '../../errors.ts';
import type { Api } from '../../kube/client.ts';
import { fields, items, text } from '../../kube/fields.ts';
import { apply, create, remove } from '../../kube/objects.ts';
import type { KubeObject } from '../../kube/types.ts';
import { pause } from '../../util/abort.ts';
import { type NodeConfig, UNENFORCED } from '../config.ts';
import { PROVED } from '../job/scripts.ts';
import { type GateWords, probePod } from '../job/spec.ts';
import { denyAll, runPolicySpec } from './network.ts';

const LOOK_EVERY = 250;
const NAME = 'v6-probe';

/** Addresses of the Internet and of clouds, that no algorithm may reach. */
const OUTSIDE = ['8.8.8.8:443', '1.1.1.1:443', '169.254.169.254:80'];

/**
 * What a gate has to find closed, and where the proxy is. The API server stands among them: it
 * answers in every cluster, so that it is out of reach is no accident.
 */
export async function gateWords(api: Api, config: NodeConfig): Promise<GateWords> {
  const { proxy, isolation, namespace } = config;
  const home = proxy.namespace ?? namespace;
  const service = await api.find<KubeObject>(`/api/v1/namespaces/${home}/services/${proxy.service}`);
  const proxyIp = text(service?.spec?.clusterIP);
  if (proxyIp === '' || proxyIp === 'None') {
    throw refusedError('NODE_PROXY', `there is no service ${proxy.service} with an address in ${home}`, {
      hint: 'the chart helm-charts/node brings the proxy; node.yaml names it under `proxy`',
    });
  }
  const kubernetes = await api
    .find<KubeObject>('/api/v1/namespaces/default/services/kubernetes')
    .catch(() => undefined);
  const server = process.env.KUBERNETES_SERVICE_HOST ?? text(kubernetes?.spec?.clusterIP);
  const dns = await api
    .find<KubeObject>('/api/v1/namespaces/kube-system/services/kube-dns')
    .catch(() => undefined);
  const canary = server === '' ? [] : [`${server}:443`];
  return {
    proxyIp,
    proxyPort: proxy.port,
    closed: [...canary, `${proxyIp}:${proxy.canary_port}`, ...OUTSIDE, ...isolation.closed],
    dnsIp: isolation.dns === 'cluster' ? '' : text(dns?.spec?.clusterIP),
  };
}

/** What the probe has found. */
export type Verdict = { isolated: true; message: string } | { isolated: false; message: string };

/** Makes the default deny, and has a pod look from inside what it can reach. */
export async function probe(
  api: Api,
  config: NodeConfig,
  gate: GateWords,
  signal?: AbortSignal,
): Promise<Verdict> {
  await apply(api, denyAll(config), { signal });
  const name = `${NAME}-${config.name}`;
  const namespace = config.jobs.namespace;
  await apply(
    api,
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name, namespace, labels: denyAll(config).metadata.labels },
      spec: runPolicySpec(config, name),
    },
    { signal },
  );
  const ref = { apiVersion: 'v1', kind: 'Pod', name, namespace };
  try {
    await removed(api, ref, signal);
    await create(api, probePod(config, gate, name));
    return await verdictOf(api, `/api/v1/namespaces/${namespace}/pods/${name}`, config, signal);
  } finally {
    await remove(api, ref);
    await remove(api, { ...ref, apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' });
  }
}

async function removed(api: Api, ref: Parameters<typeof remove>[1], signal?: AbortSignal): Promise<void> {
  while (await remove(api, ref)) await pause(LOOK_EVERY, signal);
}

async function verdictOf(
  api: Api,
  path: string,
  config: NodeConfig,
  signal: AbortSignal | undefined,
): Promise<Verdict> {
  const deadline = Date.now() + (config.isolation.gate_seconds + 120) * 1000;
  for (;;) {
    const pod = await api.find<KubeObject>(path, { signal });
    const state = fields(items(pod?.status?.containerStatuses)[0]?.state);
    const end = state.terminated === undefined ? undefined : fields(state.terminated);
    const phase = text(pod?.status?.phase);
    if (end !== undefined || phase === 'Succeeded' || phase === 'Failed') {
      const message = text(end?.message).trim();
      if (end?.exitCode === 0 && message.startsWith(PROVED)) return { isolated: true, message };
      const nothing = 'the pod that looks ended without a word: pods are only simulated here';
      return { isolated: false, message: message || text(pod?.status?.message) || nothing };
    }
    if (isSimulated(pod)) {
      return { isolated: false, message: 'pods are only simulated here: nothing can be shown from inside' };
    }
    if (Date.now() > deadline) {
      const { reason, message } = fields(state.waiting);
      const why = [text(reason), text(message)].filter(Boolean).join(': ');
      throw new DatamillError('NODE_PROBE', `the pod that looks at the network did not run: ${why || phase}`);
    }
    await pause(LOOK_EVERY, signal);
  }
}

/** A container that runs and has no number was started by nobody. */
function isSimulated(pod: KubeObject | undefined): boolean {
  const [status] = items(pod?.status?.containerStatuses);
  return fields(status?.state).running !== undefined && text(status?.containerID) === '';
}

/**
 * Returns what the gates of runs have to prove; undefined where the owner has accepted in so many
 * words that nothing holds algorithms.
 *
 * @throws {DatamillError} NODE_NOT_ISOLATED (exit 3)
 */
export async function requireIsolation(
  api: Api,
  config: NodeConfig,
  tell: (message: string) => void,
  signal?: AbortSignal,
): Promise<GateWords | undefined> {
  if (config.isolation.unenforced === UNENFORCED) {
    await apply(api, denyAll(config), { signal });
    tell(`isolation is not asked for: ${UNENFORCED}`);
    return undefined;
  }
  const gate = await gateWords(api, config);
  const verdict = await probe(api, config, gate, signal);
  if (verdict.isolated) {
    tell(verdict.message);
    return gate;
  }
  throw refusedError('NODE_NOT_ISOLATED', `algorithms would not be isolated here: ${verdict.message}`, {
    hint: `the cluster needs a network that enforces NetworkPolicies; to run algorithms all the same, say isolation.unenforced: "${UNENFORCED}" in node.yaml`,
  });
}
