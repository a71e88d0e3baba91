import { fields, items, text } from '../../../src/kube/fields.ts';
import type { KubeObject } from '../../../src/kube/types.ts';

/** What a small policy engine lets through, as pairs of addresses. */
export interface Rules {
  /** Pods whose ways out, or in, are closed but for what is listed. */
  egress: Set<string>;
  ingress: Set<string>;
  /** `SOURCE,PROTOCOL:PORT,DESTINATION` */
  egressPorts: Set<string>;
  ingressPorts: Set<string>;
  /** `SOURCE,DESTINATION`, all ports; one side may be a network. */
  egressAll: Set<string>;
  ingressAll: Set<string>;
}

type Labels = Record<string, string>;

/**
 * Turns policies into rules, as networking.k8s.io/v1 says: a pod that a policy selects is closed in
 * the policy's directions; the rules of all policies add up; peers are pods by labels and
 * namespaces by labels, or networks; no ports means all ports.
 *
 * Not known: named ports, ranges (`endPort`), `except`, `matchExpressions`; they are refused, so
 * that no test passes for want of them.
 *
 * @param namespaces labels of each namespace by name.
 */
export function rulesOf(
  policies: readonly KubeObject[],
  pods: readonly KubeObject[],
  namespaces: ReadonlyMap<string, Labels>,
): Rules {
  const rules: Rules = {
    egress: new Set(),
    ingress: new Set(),
    egressPorts: new Set(),
    ingressPorts: new Set(),
    egressAll: new Set(),
    ingressAll: new Set(),
  };
  const alive = pods.filter((pod) => addressOf(pod) !== '');
  for (const policy of policies) {
    const { namespace } = policy.metadata;
    const spec = fields(policy.spec);
    const chosen = alive.filter(
      (pod) => pod.metadata.namespace === namespace && selects(spec.podSelector, pod.metadata.labels ?? {}),
    );
    const types = Array.isArray(spec.policyTypes)
      ? (spec.policyTypes as string[])
      : ['Ingress', ...(spec.egress === undefined ? [] : ['Egress'])];
    for (const pod of chosen.map(addressOf)) {
      for (const direction of ['egress', 'ingress'] as const) {
        if (!types.includes(direction === 'egress' ? 'Egress' : 'Ingress')) continue;
        rules[direction].add(pod);
        for (const rule of items(spec[direction]))
          allow(
            rules,
            direction,
            pod,
            peersOf(rule[direction === 'egress' ? 'to' : 'from'], namespace!, alive, namespaces),
            rule.ports,
          );
      }
    }
  }
  return rules;
}

function allow(
  rules: Rules,
  direction: 'egress' | 'ingress',
  pod: string,
  peers: readonly string[],
  ports: unknown,
): void {
  for (const peer of peers) {
    const [from, to] = direction === 'egress' ? [pod, peer] : [peer, pod];
    const wanted = items(ports);
    if (wanted.length === 0) rules[`${direction}All`].add(`${from},${to}`);
    for (const { port, protocol, endPort } of wanted) {
      if (typeof port !== 'number' || endPort !== undefined) throw new Error('ports are numbers here');
      rules[`${direction}Ports`].add(`${from},${(text(protocol) || 'TCP').toLowerCase()}:${port},${to}`);
    }
  }
}

function peersOf(
  peers: unknown,
  namespace: string,
  pods: readonly KubeObject[],
  namespaces: ReadonlyMap<string, Labels>,
): string[] {
  // hash:net,net takes no network of all addresses: two halves are the same.
  if (peers === undefined) return ['0.0.0.0/1', '128.0.0.0/1'];
  return items(peers).flatMap(({ ipBlock, podSelector, namespaceSelector }) => {
    if (ipBlock !== undefined) {
      const { cidr, except } = fields(ipBlock);
      if (except !== undefined) throw new Error('networks have no exceptions here');
      return [text(cidr)];
    }
    return pods
      .filter(({ metadata }) =>
        namespaceSelector === undefined
          ? metadata.namespace === namespace
          : selects(namespaceSelector, namespaces.get(metadata.namespace!) ?? {}),
      )
      .filter(({ metadata }) => podSelector === undefined || selects(podSelector, metadata.labels ?? {}))
      .map(addressOf);
  });
}

function selects(selector: unknown, labels: Labels): boolean {
  const { matchLabels, matchExpressions } = fields(selector);
  if (matchExpressions !== undefined) throw new Error('selectors have no expressions here');
  return Object.entries(fields(matchLabels)).every(([key, value]) => labels[key] === value);
}

/** Of a pod that has one of its own and still runs. */
function addressOf({ spec, status, metadata }: KubeObject): string {
  const over = ['Succeeded', 'Failed'].includes(text(status?.phase));
  return spec?.hostNetwork === true || over || metadata.namespace === undefined ? '' : text(status?.podIP);
}
