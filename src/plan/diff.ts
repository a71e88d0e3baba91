import type { KubeObject } from '../kube/types.ts';
import { cleaned, masked } from './diff/clean.ts';

export { renderChanges } from './diff/render.ts';

export interface Change {
  kind: string;
  name: string;
  namespace?: string;
  /** `spec.template.spec.containers[name=minio].image`; empty when the whole object came or went. */
  path: string;
  /** Undefined when it was not there. */
  before: unknown;
  /** Undefined when it is no longer there. */
  after: unknown;
}

type Report = (path: string, before: unknown, after: unknown) => void;

/**
 * What differs between two sets of objects, object by object in the order of `before`, then of
 * what is new in `after`. What the API server, kubectl and Helm write by themselves is left out,
 * and no value of a Secret is ever in the result: it says `*** (before)` and `*** (after)`.
 */
export function diffObjects(before: KubeObject[], after: KubeObject[]): Change[] {
  const old = new Map(before.map((object) => [identity(object), object]));
  const fresh = new Map(after.map((object) => [identity(object), object]));
  return [...new Set([...old.keys(), ...fresh.keys()])].flatMap((key) =>
    diffObject(old.get(key), fresh.get(key)),
  );
}

/** A new version of an API serves the same object. */
function identity(object: KubeObject): string {
  const group = object.apiVersion.includes('/') ? object.apiVersion.split('/')[0] : '';
  return [group, object.kind, object.metadata.namespace ?? '', object.metadata.name].join(' ');
}

function diffObject(before: KubeObject | undefined, after: KubeObject | undefined): Change[] {
  const { kind, metadata } = (before ?? after)!;
  const about = {
    kind,
    name: metadata.name,
    ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
  };
  const changes: Change[] = [];
  const old = before && cleaned(before);
  const fresh = after && cleaned(after);
  if (old === undefined || fresh === undefined) {
    return [{ ...about, path: '', before: masked(old), after: masked(fresh) }];
  }
  diffValue('', old, fresh, (path, a, b) => {
    const secret = kind === 'Secret' && /^data($|[.[])/.test(path);
    changes.push({
      ...about,
      path,
      before: secret ? hide(a, 'before') : a,
      after: secret ? hide(b, 'after') : b,
    });
  });
  return changes;
}

function hide(value: unknown, side: string): unknown {
  return value === undefined ? undefined : `*** (${side})`;
}

function diffValue(path: string, before: unknown, after: unknown, report: Report): void {
  if (Object.is(before, after)) return;
  if (isMap(before) && isMap(after)) {
    diffMaps(path, before, after, report);
  } else if (Array.isArray(before) && Array.isArray(after)) {
    diffLists(path, before, after, report);
  } else if ((before ?? undefined) !== (after ?? undefined)) {
    // For the API server null is the same as not being there.
    report(path, before ?? undefined, after ?? undefined);
  }
}

function diffMaps(
  path: string,
  before: Record<string, unknown>,
  after: Record<string, unknown>,
  report: Report,
): void {
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    diffValue(joined(path, key), before[key], after[key], report);
  }
}

/** Lists of named things (containers, ports, env) by name, others by place while that makes sense. */
function diffLists(path: string, before: unknown[], after: unknown[], report: Report): void {
  const old = byName(before);
  const fresh = byName(after);
  if (old !== undefined && fresh !== undefined) {
    for (const name of new Set([...old.keys(), ...fresh.keys()])) {
      diffValue(`${path}[name=${name}]`, old.get(name), fresh.get(name), report);
    }
    return;
  }
  if (before.length !== after.length && ![...before, ...after].every(isMap)) {
    report(path, before, after);
    return;
  }
  for (let index = 0; index < Math.max(before.length, after.length); index += 1) {
    diffValue(`${path}[${index}]`, before[index], after[index], report);
  }
}

function byName(list: unknown[]): Map<string, unknown> | undefined {
  const named = new Map<string, unknown>();
  for (const item of list) {
    if (!isMap(item) || typeof item.name !== 'string' || named.has(item.name)) return undefined;
    named.set(item.name, item);
  }
  return named;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `metadata.labels["app.kubernetes.io/name"]`: keys with dots are quoted. */
function joined(path: string, key: string): string {
  if (!/^[A-Za-z0-9_-]+$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === '' ? key : `${path}.${key}`;
}
