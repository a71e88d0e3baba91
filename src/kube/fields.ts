import type { KubeObject } from './types.ts';

export type Fields = Record<string, unknown>;

export interface Condition {
  type: string;
  status: string;
  reason: string;
  message: string;
  lastTransitionTime?: string;
}

/** The value as a map; an empty one when it is anything else. */
export function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

/** The maps in a list; an empty list when the value is no list. */
export function items(value: unknown): Fields[] {
  return Array.isArray(value) ? value.map(fields) : [];
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The value as a whole number, or `otherwise`: the API server leaves zeros out. */
export function count(value: unknown, otherwise = 0): number {
  return typeof value === 'number' ? value : otherwise;
}

/** Milliseconds since the epoch of an RFC 3339 time; undefined when there is none. */
export function millis(value: unknown): number | undefined {
  const time = value instanceof Date ? value.getTime() : Date.parse(text(value));
  return Number.isNaN(time) ? undefined : time;
}

export function conditions(object: KubeObject): Condition[] {
  return items(object.status?.conditions).map((condition) => ({
    type: text(condition.type),
    status: text(condition.status),
    reason: text(condition.reason),
    message: text(condition.message),
    lastTransitionTime: text(condition.lastTransitionTime) || undefined,
  }));
}

export function condition(object: KubeObject, type: string): Condition | undefined {
  return conditions(object).find((one) => one.type === type);
}

/** `apps/Deployment`, and `Service` in the core group: two groups may use one kind. */
export function groupKind(object: Pick<KubeObject, 'apiVersion' | 'kind'>): string {
  const slash = object.apiVersion.indexOf('/');
  return slash === -1 ? object.kind : `${object.apiVersion.slice(0, slash)}/${object.kind}`;
}

/** `Deployment/minio` */
export function objectLabel(object: KubeObject): string {
  return `${object.kind}/${object.metadata.name}`;
}
