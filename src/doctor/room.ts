import { isSelected, repellingTaints } from '../kube/diagnose/placement.ts';
import { type Amounts, amounts, podRequests } from '../kube/diagnose/requests.ts';
import { condition, fields, text } from '../kube/fields.ts';
import type { KubeObject } from '../kube/types.ts';

/** What one node has left. */
export interface NodeRoom {
  node: KubeObject;
  free: Amounts;
  allocatable: Amounts;
  /** False for a node that is cordoned: it takes no new pods. */
  open: boolean;
  ready: boolean;
}

/**
 * What nodes have left beside the pods that are on them.
 *
 * @param pods undefined without the right to list them: nodes then count as empty
 * @param leaves pods that go when the flavour is installed, which take up nothing
 */
export function roomOf(
  nodes: readonly KubeObject[],
  pods: readonly KubeObject[] | undefined,
  leaves: (pod: KubeObject) => boolean = () => false,
): NodeRoom[] {
  const used = new Map<string, Amounts>();
  for (const pod of pods ?? []) {
    const node = text(pod.spec?.nodeName);
    if (node === '' || isOver(pod) || leaves(pod)) continue;
    const total = used.get(node) ?? new Map<string, number>();
    used.set(node, add(total, podRequests(pod), 1).set('pods', (total.get('pods') ?? 0) + 1));
  }
  return nodes.map((node) => {
    const allocatable = amounts(fields(node.status).allocatable);
    const free = new Map(
      [...allocatable].map(([name, value]) => [name, value - (used.get(node.metadata.name)?.get(name) ?? 0)]),
    );
    const ready = condition(node, 'Ready')?.status;
    return {
      node,
      free,
      allocatable,
      open: node.spec?.unschedulable !== true,
      ready: ready !== 'False' && ready !== 'Unknown',
    };
  });
}

/** Whether the scheduler may put such a pod on the node, were there room. */
export function admits({ node, open }: NodeRoom, pod: KubeObject): boolean {
  return open && isSelected(pod, node) && repellingTaints(pod, node).length === 0;
}

/** Adds `more`, so many times, to `total`. */
export function add(total: Amounts, more: Amounts, times: number): Amounts {
  for (const [name, value] of more) total.set(name, (total.get(name) ?? 0) + value * times);
  return total;
}

function isOver(pod: KubeObject): boolean {
  const phase = text(pod.status?.phase);
  return phase === 'Succeeded' || phase === 'Failed';
}
