import type { Amounts } from '../kube/diagnose/requests.ts';
import type { Estimate } from './estimate.ts';
import { add, type NodeRoom } from './room.ts';

/** Beyond so many nodes their pods are many, and a small share of all nodes is there in any case. */
const MANY_NODES = 20;
const SMALL_SHARE = 0.05;

/** What all nodes that take pods have in all, or have left. */
function totalOf(rooms: readonly NodeRoom[], what: 'free' | 'allocatable'): Amounts {
  const total: Amounts = new Map();
  for (const room of rooms) if (room.open) add(total, room[what], 1);
  return total;
}

/** Whether these estimates may not fit, so that a closer look is worth its time. */
export function isTight(estimates: readonly Estimate[], rooms: readonly NodeRoom[]): boolean {
  const free = totalOf(rooms, 'free');
  if ([...sumOf(estimates)].some(([name, value]) => value > (free.get(name) ?? 0))) return true;
  return estimates.some(
    ({ largest }) => !rooms.some(({ open, allocatable }) => open && within(largest, allocatable)),
  );
}

/** Whether the nodes are so many, and so little is asked for, that it need not be known what else is on them. */
export function isTrifle(estimates: readonly Estimate[], rooms: readonly NodeRoom[]): boolean {
  if (rooms.length < MANY_NODES) return false;
  const total = totalOf(rooms, 'allocatable');
  return [...sumOf(estimates)].every(([name, value]) => value <= (total.get(name) ?? 0) * SMALL_SHARE);
}

function sumOf(estimates: readonly Estimate[]): Amounts {
  const sum: Amounts = new Map();
  for (const one of estimates) add(sum, one.sum, 1);
  return sum;
}

function within(wanted: Amounts, room: Amounts): boolean {
  return [...wanted].every(([name, value]) => value <= (room.get(name) ?? 0));
}
