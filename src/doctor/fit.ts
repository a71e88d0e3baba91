import type { Amounts } from '../kube/diagnose/requests.ts';
import { amountWords, whyNever } from '../kube/diagnose/scheduling.ts';
import type { Demand } from './demand.ts';
import { add, admits, type NodeRoom } from './room.ts';

/** One reason why a flavour cannot be placed. */
export interface Misfit {
  /** Of one workload, or of all together. */
  component?: string;
  message: string;
}

/** What the flavour asks for and what there is, in one resource. */
export interface Balance {
  resource: string;
  wanted: number;
  free: number;
  /** What the nodes have in all. */
  total: number;
}

/** A device plugin may only just be starting; here nobody waits for it. */
const SETTLED = Number.POSITIVE_INFINITY;

/**
 * Whether there is room: each kind of pod against every node were it empty, and all of them
 * together against what is left. That both hold is no proof that the scheduler finds a place for
 * each; see `unplaced`.
 */
export function misfits(demands: readonly Demand[], rooms: readonly NodeRoom[]): Misfit[] {
  if (rooms.length === 0) return [];
  const open = rooms.filter((room) => room.open);
  if (open.length === 0 && demands.length > 0)
    return [
      {
        message: `${rooms.length === 1 ? 'the only node is' : `all ${rooms.length} nodes are`} cordoned: no node takes new pods`,
      },
    ];
  const nodes = open.map(({ node }) => node);
  const tooLarge = demands.flatMap((demand) => {
    const { component, workload, pod, requests, pods } = demand;
    // A DaemonSet that no node is for has no pods, which is as it should be.
    if (pods === 'each-node' && !open.some((room) => admits(room, pod))) return [];
    const why = whyNever(pod, nodes, SETTLED, requests);
    return why === undefined ? [] : [{ demand, component, message: `a pod of ${workload} ${why}` }];
  });
  // What can never run adds nothing to what is too much.
  const others = demands.filter((demand) => !tooLarge.some((one) => one.demand === demand));
  const short = balance(others, rooms)
    .filter(({ wanted, free }) => wanted > free)
    .map(({ resource, wanted, free, total }) => ({
      message: `all together need ${amountWords(resource, wanted)}; of ${amountWords(resource, total)} on ${open.length} ${open.length === 1 ? 'node' : 'nodes'} ${amountWords(resource, Math.max(free, 0))} are free`,
    }));
  return [...tooLarge.map(({ component, message }) => ({ component, message })), ...short];
}

/** The sums per resource, of what stays: cordoned nodes have nothing to give. */
export function balance(demands: readonly Demand[], rooms: readonly NodeRoom[]): Balance[] {
  const wanted: Amounts = new Map();
  for (const demand of demands.filter(({ passing }) => !passing))
    add(wanted, demand.requests, podsOf(demand, rooms));
  const free: Amounts = new Map();
  const total: Amounts = new Map();
  for (const room of rooms.filter(({ open }) => open)) {
    add(free, room.free, 1);
    add(total, room.allocatable, 1);
  }
  return [...wanted]
    .filter(([, value]) => value > 0)
    .map(([resource, value]) => ({
      resource,
      wanted: round(value),
      free: round(free.get(resource) ?? 0),
      total: round(total.get(resource) ?? 0),
    }));
}

/**
 * Places the pods one by one, the largest first, each where most is left. What finds no place
 * may still do so with another order, so this is a reason to warn, not to refuse.
 */
export function unplaced(demands: readonly Demand[], rooms: readonly NodeRoom[]): Misfit[] {
  const left = rooms.map((room) => ({ ...room, free: new Map(room.free) }));
  const single = demands.filter(({ pods, passing }) => pods !== 'each-node' && !passing);
  const everywhere = demands.filter(({ pods }) => pods === 'each-node');
  for (const { pod, requests } of everywhere)
    for (const room of left.filter((one) => admits(one, pod))) add(room.free, requests, -1);
  const size = (requests: Amounts) =>
    Math.max(...[...requests].map(([name, value]) => value / largest(rooms, name)));
  return [...single]
    .sort((a, b) => size(b.requests) - size(a.requests))
    .flatMap(({ component, workload, pod, requests, pods }) => {
      let without = 0;
      for (let index = 0; index < (pods as number); index++) {
        const place = left
          .filter((room) => admits(room, pod) && holds(room.free, requests))
          .sort((a, b) => (b.free.get('cpu') ?? 0) - (a.free.get('cpu') ?? 0))[0];
        if (place === undefined) without++;
        else add(place.free, requests, -1);
      }
      if (without === 0) return [];
      const which = pods === 1 ? `the pod of ${workload}` : `${without} of ${pods} pods of ${workload}`;
      const each = [...requests]
        .filter(([name]) => name !== 'pods')
        .map(([name, value]) => amountWords(name, value));
      return [
        {
          component,
          message: `no single node has room for ${which} (${each.join(', ')}${pods === 1 ? '' : ' each'})`,
        },
      ];
    });
}

function podsOf({ pods, pod }: Demand, rooms: readonly NodeRoom[]): number {
  return pods === 'each-node' ? rooms.filter((room) => admits(room, pod)).length : pods;
}

function holds(free: Amounts, wanted: Amounts): boolean {
  return [...wanted].every(([name, value]) => value === 0 || (free.get(name) ?? 0) >= value - 1e-9);
}

function largest(rooms: readonly NodeRoom[], name: string): number {
  return Math.max(...rooms.map(({ allocatable }) => allocatable.get(name) ?? 0)) || 1;
}

/** Sums of tenths leave crumbs. */
function round(value: number): number {
  return Number(value.toFixed(6));
}
