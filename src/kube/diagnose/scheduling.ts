import { formatCpu, formatMemory } from '../../util/quantity.ts';
import { condition, fields, millis, objectLabel } from '../fields.ts';
import type { KubeObject } from '../types.ts';
import { type Case, type Finding, fatal, pending } from './finding.ts';
import { isSelected, repellingTaints, selectionWords } from './placement.ts';
import { type Amounts, amounts, podRequests } from './requests.ts';

/** Device plugins announce their resource some seconds after the node is there. */
const deviceGrace = 15_000;

const native = /^(cpu|memory|ephemeral-storage|hugepages-.+)$/;

/** Why a pod has no node; undefined when it has one, or the scheduler has not said anything yet. */
export function diagnoseScheduling(pod: KubeObject, at: Case): Finding | undefined {
  const scheduled = condition(pod, 'PodScheduled');
  if (scheduled?.status !== 'False') return undefined;
  const object = objectLabel(pod);
  const event = at.events.of(pod, 'FailedScheduling')[0];
  const said = shorten(scheduled.message || event?.message || 'no node was found for it yet');
  if (scheduled.reason === 'SchedulingGated') return pending(object, 'SchedulingGated', said);
  const grows = at.events.of(pod, 'TriggeredScaleUp').length > 0;
  const since = millis(scheduled.lastTransitionTime);
  const waited = since === undefined ? Number.POSITIVE_INFINITY : at.now - since;
  const never = grows ? undefined : whyNever(pod, at.snapshot.nodes ?? [], waited);
  return never === undefined ? pending(object, 'Unschedulable', said) : fatal(object, 'Unschedulable', never);
}

/**
 * Why no node could ever hold the pod, were it empty; undefined when one could, or there is none to look at.
 *
 * @param waited milliseconds since the pod was first refused
 * @param requests what it asks for, when that is not all that its containers say
 */
export function whyNever(
  pod: KubeObject,
  nodes: KubeObject[],
  waited: number,
  requests: Amounts = podRequests(pod),
): string | undefined {
  if (nodes.length === 0) return undefined;
  const selected = nodes.filter((node) => isSelected(pod, node));
  if (selected.length === 0) {
    return `needs a node with ${selectionWords(pod)}, ${nodes.length === 1 ? 'and the only node has not' : `and none of ${nodes.length} nodes has it`}`;
  }
  const open = selected.filter((node) => repellingTaints(pod, node).length === 0);
  if (open.length === 0) {
    const taints = [...new Set(selected.flatMap((node) => repellingTaints(pod, node)))];
    return `does not tolerate ${taints.join(', ')}, which ${selected.length === 1 ? 'the only node' : `each of ${selected.length} nodes`} that it could run on has`;
  }
  return whyTooLarge(requests, open, waited);
}

function whyTooLarge(requests: Amounts, nodes: KubeObject[], waited: number): string | undefined {
  const rooms = nodes.map((node) => amounts(fields(node.status).allocatable));
  // A node that has not reported what it has may still turn out to be large enough.
  if (rooms.some((room) => room.size === 0)) return undefined;
  const wanted = [...requests].filter(([, value]) => value > 0);
  if (rooms.some((room) => wanted.every(([name, value]) => (room.get(name) ?? 0) >= value))) return undefined;
  const largest = (name: string) => Math.max(...rooms.map((room) => room.get(name) ?? 0));
  const lacking = wanted.filter(([name, value]) => largest(name) < value);
  if (lacking.some(([name]) => !native.test(name)) && waited < deviceGrace) return undefined;
  if (lacking.length === 0) {
    return `needs ${wanted.map(([name, value]) => amountWords(name, value)).join(' and ')} on one node, and no node has all of it`;
  }
  return lacking.map(([name, value]) => lackWords(name, value, largest(name))).join('; ');
}

function lackWords(name: string, wanted: number, largest: number): string {
  const needs = `needs ${amountWords(name, wanted)}`;
  if (largest === 0 && !native.test(name)) return `${needs}, no node has any`;
  const has = name === 'cpu' ? formatCpu(largest) : amountWords(name, largest);
  return `${needs}, the largest node has ${has}`;
}

/** An amount for people: `1.5 CPU`, `2 GiB memory`, `1 nvidia.com/gpu`. */
export function amountWords(name: string, value: number): string {
  if (name === 'cpu') return `${formatCpu(value)} CPU`;
  if (name === 'memory') return `${formatMemory(value)} memory`;
  if (native.test(name)) return `${formatMemory(value)} ${name}`;
  return `${value} ${name}`;
}

/** Leaves out what the scheduler adds about preemption, which is long and says the same again. */
function shorten(message: string): string {
  return message
    .replace(/\s*preemption: .*$/s, '')
    .replace(/\s*no new claims to deallocate,?/g, '')
    .replace(/[,.\s]+$/, '');
}
