import type { Amounts } from '../kube/diagnose/requests.ts';
import { amounts } from '../kube/diagnose/requests.ts';
import { fields } from '../kube/fields.ts';
import type { ResolvedComponent } from '../resolve/types.ts';
import { parseQuantity } from '../util/quantity.ts';
import { add } from './room.ts';

/** What a component takes at most, as far as can be told without rendering its chart. */
export interface Estimate {
  /** Of all its pods. */
  sum: Amounts;
  /** Of the largest container of its values. */
  largest: Amounts;
}

/** Words for a number of pods that charts put beside, or one level above, their resources. */
const NUMBER = /^(replicas|replica_?count|workers|parallelism)$/i;

/**
 * Rendering a chart costs a fifth of a second, so that `up` first looks whether there is any doubt:
 * the more of what the component declares in `requires` and of what its values ask for.
 */
export function estimate({ spec, values, objects }: ResolvedComponent): Estimate {
  const sum: Amounts = new Map();
  const largest: Amounts = new Map();
  for (const { requests, pods } of [...requestsIn(values, 1), ...requestsIn(objects, 1)]) {
    add(sum, requests, pods);
    add(sum, new Map([['pods', 1]]), pods);
    if (pods > 0) raise(largest, requests);
  }
  const { cpu, memory } = spec.requires;
  raise(sum, declared('cpu', cpu));
  raise(sum, declared('memory', memory));
  return { sum, largest };
}

interface Block {
  requests: Amounts;
  pods: number;
}

/** Every `resources: {requests, limits}` below a value, with the number of pods that stands nearest. */
function requestsIn(value: unknown, pods: number): Block[] {
  if (Array.isArray(value)) return value.flatMap((item) => requestsIn(item, pods));
  const here = fields(value);
  if (here.enabled === false) return [];
  const said = Object.entries(here).find(([key, number]) => NUMBER.test(key) && typeof number === 'number');
  const number = said === undefined ? pods : (said[1] as number);
  return Object.entries(here).flatMap(([key, child]) => {
    const { requests, limits } = fields(child);
    if (requests === undefined && limits === undefined) return requestsIn(child, number);
    // A claim has requests too, for storage: no pod competes for that.
    if (!/resources$/i.test(key)) return requestsIn(child, number);
    const found = amounts(limits);
    for (const [name, amount] of amounts(requests)) found.set(name, amount);
    found.delete('storage');
    return [{ requests: found, pods: number }];
  });
}

function declared(name: string, quantity: unknown): Amounts {
  const value = parseQuantity(quantity);
  return value === undefined ? new Map() : new Map([[name, value]]);
}

function raise(total: Amounts, least: Amounts): void {
  for (const [name, value] of least) total.set(name, Math.max(total.get(name) ?? 0, value));
}
