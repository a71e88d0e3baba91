import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../src/kube/types.ts';
import { rulesOf } from '../../testbed/enforcer/rules.ts';

const pod = (
  name: string,
  namespace: string,
  ip: string,
  labels: Record<string, string> = {},
): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace, labels },
  status: { phase: 'Running', podIP: ip },
});
const policy = (namespace: string, spec: object): KubeObject => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'p', namespace },
  spec: spec as Record<string, unknown>,
});
const namespaces = new Map(['jobs', 'home'].map((name) => [name, { 'kubernetes.io/metadata.name': name }]));
const pods = [
  pod('run', 'jobs', '10.0.0.1', { app: '1' }),
  pod('other', 'jobs', '10.0.0.2', { app: '2' }),
  pod('proxy', 'home', '10.0.0.3', { app: 'proxy' }),
  { ...pod('over', 'jobs', '10.0.0.4'), status: { phase: 'Succeeded', podIP: '10.0.0.4' } },
  { ...pod('host', 'jobs', '10.0.0.5'), spec: { hostNetwork: true } },
];
const rules = (...policies: KubeObject[]) => rulesOf(policies, pods, namespaces);

describe('the small policy engine', () => {
  it('holds nobody without a policy, or of another namespace', () => {
    expect(rules().egress).toEqual(new Set());
    expect(rules(policy('home', { podSelector: {}, policyTypes: ['Egress'] })).egress).toEqual(
      new Set(['10.0.0.3']),
    );
  });

  it('closes the directions that a policy names', () => {
    const both = rules(policy('jobs', { podSelector: {}, policyTypes: ['Ingress', 'Egress'] }));
    expect(both.egress).toEqual(new Set(['10.0.0.1', '10.0.0.2']));
    expect(both.ingress).toEqual(both.egress);
    // Without policyTypes: the way in, and the way out where there are rules for it.
    const plain = rules(policy('jobs', { podSelector: { matchLabels: { app: '1' } } }));
    expect([plain.ingress, plain.egress]).toEqual([new Set(['10.0.0.1']), new Set()]);
  });

  it('lets through pods by labels and namespace, on the ports that are named', () => {
    const to = [
      {
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'home' } },
        podSelector: { matchLabels: { app: 'proxy' } },
      },
    ];
    const egress = [{ to, ports: [{ port: 8080, protocol: 'TCP' }] }];
    const found = rules(
      policy('jobs', { podSelector: {}, policyTypes: ['Egress'] }),
      policy('jobs', { podSelector: { matchLabels: { app: '1' } }, policyTypes: ['Egress'], egress }),
    );
    expect(found.egressPorts).toEqual(new Set(['10.0.0.1,tcp:8080,10.0.0.3']));
    expect(found.egressAll).toEqual(new Set());
  });

  it('knows peers of its own namespace, networks, and everybody', () => {
    const ingress = [
      { from: [{ podSelector: { matchLabels: { app: '2' } } }, { ipBlock: { cidr: '10.9.0.0/16' } }] },
      {},
    ];
    const found = rules(policy('jobs', { podSelector: { matchLabels: { app: '1' } }, ingress }));
    expect(found.ingressAll).toEqual(
      new Set(['10.0.0.2,10.0.0.1', '10.9.0.0/16,10.0.0.1', '0.0.0.0/1,10.0.0.1', '128.0.0.0/1,10.0.0.1']),
    );
  });

  it.each([
    { podSelector: { matchExpressions: [] } },
    { podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8', except: [] } }] }] },
    { podSelector: {}, ingress: [{ ports: [{ port: 'http' }] }] },
    { podSelector: {}, ingress: [{ ports: [{ port: 1, endPort: 2 }] }] },
  ])('refuses what it does not know: %j', (spec) => {
    expect(() => rules(policy('jobs', spec))).toThrow(/here$/);
  });
});
