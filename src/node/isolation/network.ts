import { DATA_MILL, MANAGED_BY } from '../../kube/labels.ts';
import type { KubeObject } from '../../kube/types.ts';
import type { NodeConfig } from '../config.ts';
import { NODE } from '../job/labels.ts';

const DENY_ALL = 'v6-deny-all';

/** Holds every pod of the namespace of the Jobs, those of others too: nothing in, nothing out. */
export function denyAll({ jobs, name }: NodeConfig): KubeObject {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: {
      name: DENY_ALL,
      namespace: jobs.namespace,
      labels: { [MANAGED_BY]: DATA_MILL, [NODE]: name },
    },
    spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'], ingress: [], egress: [] },
  };
}

/** What one run may reach: the proxy's port, and DNS where that is asked for. */
export function runPolicySpec(config: NodeConfig, app: string): Record<string, unknown> {
  const { proxy, isolation, namespace } = config;
  const home = { 'kubernetes.io/metadata.name': proxy.namespace ?? namespace };
  const dns = {
    to: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } } }],
    ports: [
      { port: 53, protocol: 'UDP' },
      { port: 53, protocol: 'TCP' },
    ],
  };
  return {
    podSelector: { matchLabels: { app, [NODE]: config.name } },
    policyTypes: ['Egress'],
    egress: [
      {
        to: [{ namespaceSelector: { matchLabels: home }, podSelector: { matchLabels: proxy.selector } }],
        ports: [{ port: proxy.port, protocol: 'TCP' }],
      },
      ...(isolation.dns === 'cluster' ? [dns] : []),
    ],
  };
}
