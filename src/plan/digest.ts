import { createHash } from 'node:crypto';
import type { PreparedChart } from '../helm/charts.ts';
import type { ResolvedComponent } from '../resolve/types.ts';

/** To be raised when the way components are installed changes, so that all are installed again. */
const FORMAT = 1;

/** A digest over everything that decides what a component is in the cluster; it gives no secret away. */
export function digestOf(component: ResolvedComponent, chart: PreparedChart | undefined): string {
  const { release, namespace, values, objects, namespaces, buckets, secrets, copies, hooks, spec } =
    component;
  const inputs = {
    format: FORMAT,
    chart: chart?.digest ?? null,
    release,
    namespace,
    values,
    objects,
    namespaces,
    buckets,
    secrets,
    copies,
    hooks,
    apply: spec.apply,
    crds: spec.crds.values,
  };
  return `sha256:${createHash('sha256').update(canonicalJson(inputs)).digest('hex')}`;
}

/** JSON with sorted keys: the order in which a file lists things changes nothing. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value).filter(([, child]) => child !== undefined);
  return `{${entries
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, child]) => `${JSON.stringify(key)}:${canonicalJson(child)}`)
    .join(',')}}`;
}
