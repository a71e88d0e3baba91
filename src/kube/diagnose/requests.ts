import { parseQuantity } from '../../util/quantity.ts';
import { fields, items, text } from '../fields.ts';
import type { KubeObject } from '../types.ts';

/** Amounts by resource name: CPUs, bytes, or pieces. */
export type Amounts = Map<string, number>;

export function amounts(list: unknown): Amounts {
  const found: Amounts = new Map();
  for (const [name, quantity] of Object.entries(fields(list))) {
    const value = parseQuantity(quantity);
    if (value !== undefined) found.set(name, value);
  }
  return found;
}

/**
 * What the scheduler has to find room for: all containers and sidecars together, or the
 * largest init container next to the sidecars started before it, whichever is more, and the
 * overhead of the runtime class. Requests of the pod as a whole replace the sums.
 */
export function podRequests(pod: KubeObject): Amounts {
  const total: Amounts = new Map();
  for (const container of items(pod.spec?.containers)) add(total, requestsOf(container));
  const sidecars: Amounts = new Map();
  const start: Amounts = new Map();
  for (const container of items(pod.spec?.initContainers)) {
    const requests = requestsOf(container);
    if (text(container.restartPolicy) === 'Always') {
      add(sidecars, requests);
      raise(start, sidecars);
      continue;
    }
    const together = new Map(sidecars);
    add(together, requests);
    raise(start, together);
  }
  add(total, sidecars);
  raise(total, start);
  const ofPod = amounts(fields(pod.spec?.resources).requests);
  for (const [name, value] of ofPod) total.set(name, value);
  add(total, amounts(pod.spec?.overhead));
  return total;
}

/** A limit without a request is the request, as the API server's defaults have it. */
function requestsOf(container: Record<string, unknown>): Amounts {
  const resources = fields(container.resources);
  const requests = amounts(resources.limits);
  for (const [name, value] of amounts(resources.requests)) requests.set(name, value);
  return requests;
}

function add(total: Amounts, more: Amounts): void {
  for (const [name, value] of more) total.set(name, (total.get(name) ?? 0) + value);
}

function raise(total: Amounts, least: Amounts): void {
  for (const [name, value] of least) total.set(name, Math.max(total.get(name) ?? 0, value));
}
