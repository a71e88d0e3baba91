import { createHash } from 'node:crypto';
import type { Api } from './client.ts';
import { fields, items, text } from './fields.ts';
import { listIfAllowed } from './objects.ts';
import { pathOf, refOf } from './resources.ts';
import type { KubeObject } from './types.ts';

/** An object whose pods get Secrets, and which. */
export interface SecretUser {
  object: KubeObject;
  secrets: ReadonlySet<string>;
}

/** Kinds that replace their pods when the template changes. */
const ROLLED = new Set(['Deployment', 'StatefulSet', 'DaemonSet']);

const KINDS = [
  ['apps/v1', 'Deployment'],
  ['apps/v1', 'StatefulSet'],
  ['apps/v1', 'DaemonSet'],
  ['apps/v1', 'ReplicaSet'],
  ['batch/v1', 'CronJob'],
  ['batch/v1', 'Job'],
  ['v1', 'Pod'],
] as const;

/**
 * What uses Secrets in a namespace: by variables, all variables, volumes and image pulls. What
 * another object made (a Deployment's pods) counts with its maker, if that is of these kinds.
 */
export async function secretUsers(api: Api, namespace: string, signal?: AbortSignal): Promise<SecretUser[]> {
  const lists = await Promise.all(
    KINDS.map(([apiVersion, kind]) => listIfAllowed(api, { apiVersion, kind, namespace }, { signal })),
  );
  const objects = lists.flatMap((list) => list ?? []).filter(isLive);
  const there = new Set(objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`));
  return objects
    .filter(({ metadata }) => !metadata.ownerReferences?.some((by) => there.has(`${by.kind}/${by.name}`)))
    .map((object) => ({ object, secrets: secretsOf(podSpec(object)) }))
    .filter(({ secrets }) => secrets.size > 0);
}

/** Pods and Jobs that ended use nothing any more. */
function isLive({ kind, status, metadata }: KubeObject): boolean {
  if (metadata.deletionTimestamp !== undefined) return false;
  if (kind === 'Pod') return !['Succeeded', 'Failed'].includes(text(status?.phase));
  return kind !== 'Job' || items(status?.conditions).every(({ type }) => type === 'Suspended');
}

function podSpec({ kind, spec }: KubeObject): unknown {
  if (kind === 'Pod') return spec;
  const owner = kind === 'CronJob' ? fields(fields(spec?.jobTemplate).spec) : spec;
  return fields(fields(owner?.template).spec);
}

/** The names of all Secrets that a pod's spec refers to; the fields are those of the Pod API, v1. */
export function secretsOf(spec: unknown): Set<string> {
  const found = new Set<string>();
  const walk = (value: unknown, key: string) => {
    if (Array.isArray(value)) return value.forEach((one) => void walk(one, key));
    if (typeof value !== 'object' || value === null) return;
    for (const [word, child] of Object.entries(value)) {
      // `secret` is a volume (secretName) or a source of a projected one (name).
      const named = ['secretKeyRef', 'secretRef', 'secret', 'nodePublishSecretRef', 'imagePullSecrets'];
      if (word === 'name' && named.includes(key) && typeof child === 'string') found.add(child);
      else if (word === 'secretName' && typeof child === 'string') found.add(child);
      else walk(child, word);
    }
  };
  walk(spec, '');
  return found;
}

/** Why the pods of an object cannot be replaced by changing its template; undefined when they can. */
export function whyNotRolled({ kind, spec }: KubeObject): string | undefined {
  if (kind === 'CronJob') return 'its next run takes the new value';
  if (kind === 'Job') return 'it ends with the old value';
  if (!ROLLED.has(kind)) return 'nothing makes it anew: delete it, and start it again';
  if (spec?.paused === true) return 'it is paused';
  if (text(fields(spec?.updateStrategy).type) === 'OnDelete')
    return 'its pods are replaced when you delete them (OnDelete)';
  return undefined;
}

/** The part of an annotation's name behind the slash may have 63 characters. */
const NAME_PART = 63;

/** Says on a pod template for which value of a Secret its pods were last replaced. */
export function rolledAnnotation(secret: string): string {
  const digest = createHash('sha256').update(secret).digest('hex').slice(0, 10);
  return `secret.datamill.io/${secret.length <= NAME_PART ? secret : `${secret.slice(0, 50)}-${digest}`}`;
}

/** Whether the template already says that its pods were replaced for this value. */
export function isRolledFor({ spec }: KubeObject, secret: string, id: string): boolean {
  const annotations = fields(fields(fields(spec?.template).metadata).annotations);
  return annotations[rolledAnnotation(secret)] === id;
}

/** Has the pods of a Deployment, StatefulSet or DaemonSet replaced, in its own way of doing that. */
export async function roll(api: Api, object: KubeObject, secret: string, id: string): Promise<KubeObject> {
  const { apiVersion, kind } = object;
  const annotations = { [rolledAnnotation(secret)]: id };
  const patched = await api.request<KubeObject>('PATCH', await pathOf(api, refOf(object)), {
    // Its own name, so that no later apply of ours or of helm takes it for a field to remove.
    query: { fieldManager: 'data-mill-roll' },
    contentType: 'application/merge-patch+json',
    body: { spec: { template: { metadata: { annotations } } } },
  });
  return { ...patched, apiVersion, kind };
}
