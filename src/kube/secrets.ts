import { randomBytes } from 'node:crypto';
import { DatamillError } from '../errors.ts';
import type { Api } from './client.ts';
import { isStatus } from './errors.ts';
import { type Identity, isOurs, ownLabels, ownSelector } from './labels.ts';
import { create, list } from './objects.ts';
import type { KubeObject } from './types.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
/** Bytes from here on would make the first letters of the alphabet more likely than the last. */
const UNBIASED = 256 - (256 % ALPHABET.length);

/** Namespace of the Secret that a Secret is a copy of (label). */
const COPY_OF = 'datamill.io/copy-of';
/** On a Secret whose new value is not yet in use everywhere (label). */
const ROLLING = 'datamill.io/rolling';
/** When the value was last replaced (annotation). */
const ROTATED = 'datamill.io/rotated';
/** Keys that the flavour itself defines, with commas (annotation). */
const FROM_FLAVOUR = 'datamill.io/from-flavour';
/** On a Secret that is there for the flavour alone, not for a component (label). */
const SOURCE = 'datamill.io/source';

/** Random letters and digits: safe in URLs, shells and configuration files alike. */
export function generateSecret(length: number): string {
  let result = '';
  while (result.length < length) {
    for (const byte of randomBytes(length)) {
      if (byte < UNBIASED && result.length < length) result += ALPHABET[byte % ALPHABET.length];
    }
  }
  return result;
}

export type Source = { generate: number } | { value: string };

const encode = (text: string) => Buffer.from(text).toString('base64');

/** What a Secret of ours says of itself, without its values. */
export interface SecretState {
  /** Time of the last replacement; names the value that pods must have. */
  rotated?: string;
  /** Whether a replacement was begun and is not yet through. */
  rolling: boolean;
  copyOf?: string;
  /** Keys that the flavour itself defines. */
  fromFlavour: string[];
  /** Whether it is there for the flavour alone. */
  ofFlavour: boolean;
}

export function secretState({ metadata }: Pick<KubeObject, 'metadata'>): SecretState {
  const { labels = {}, annotations = {} } = metadata;
  return {
    rotated: annotations[ROTATED],
    rolling: labels[ROLLING] === 'true',
    copyOf: labels[COPY_OF],
    fromFlavour: (annotations[FROM_FLAVOUR] ?? '').split(',').filter((key) => key !== ''),
    ofFlavour: labels[SOURCE] === 'flavour',
  };
}

export function secretPath(namespace: string, name: string): string {
  return `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets/${encodeURIComponent(name)}`;
}

/** The value of a key; undefined when the key is not there. */
export function secretValue(secret: KubeObject, key: string): string | undefined {
  const value = Object.hasOwn(secret.data ?? {}, key) ? secret.data![key] : undefined;
  return typeof value === 'string' ? Buffer.from(value, 'base64').toString('utf8') : undefined;
}

/**
 * Replaces values (null takes a key away) and notes in the same write that what uses the Secret
 * has still to be rolled, so that a run that is cut short leaves a trace.
 *
 * @param state.fromFlavour keys that the flavour defines, when they change.
 * @returns the name of the new value: the time.
 */
export async function replaceValues(
  api: Api,
  namespace: string,
  name: string,
  values: Record<string, string | null>,
  state: { fromFlavour?: string[] } = {},
): Promise<string> {
  const id = new Date().toISOString();
  const data = Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, value === null ? null : encode(value)]),
  );
  const own = state.fromFlavour === undefined ? {} : { [FROM_FLAVOUR]: state.fromFlavour.join(',') };
  await api.request('PATCH', secretPath(namespace, name), {
    contentType: 'application/merge-patch+json',
    body: { metadata: { labels: { [ROLLING]: 'true' }, annotations: { [ROTATED]: id, ...own } }, data },
  });
  return id;
}

/** Notes that a replacement is through. */
export async function settleSecret(api: Api, namespace: string, name: string): Promise<void> {
  await api.request('PATCH', secretPath(namespace, name), {
    contentType: 'application/merge-patch+json',
    body: { metadata: { labels: { [ROLLING]: null } } },
  });
}

/** A Secret of values that the flavour defines. */
export function flavourSecret(identity: Identity, name: string, values: Record<string, string>): KubeObject {
  const data = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, encode(value)]));
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    metadata: {
      name,
      namespace: identity.namespace,
      labels: { ...ownLabels(identity), [SOURCE]: 'flavour' },
      annotations: { [FROM_FLAVOUR]: Object.keys(values).join(',') },
    },
    data,
  };
}

/** All Secrets of a project in a namespace. */
export async function ownSecrets(
  api: Api,
  identity: Identity,
  namespace: string,
  options: { metadataOnly?: boolean; signal?: AbortSignal } = {},
): Promise<KubeObject[]> {
  const ref = { apiVersion: 'v1', kind: 'Secret', namespace };
  return await list(api, ref, { labels: ownSelector(identity), ...options });
}

/**
 * Makes a Secret once: keys that are there stay as they are, missing ones are added.
 *
 * @throws {DatamillError} SECRET_FOREIGN (exit 1) when a Secret of that name is not ours.
 */
export async function ensureSecret(
  api: Api,
  identity: Identity,
  component: string,
  namespace: string,
  name: string,
  keys: Record<string, Source>,
): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/secrets/${name}`;
  const make = (source: Source) =>
    encode('generate' in source ? generateSecret(source.generate) : source.value);
  const found = await api.find<KubeObject>(path);
  if (found === undefined) {
    const data = Object.fromEntries(Object.entries(keys).map(([key, source]) => [key, make(source)]));
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'Opaque',
      metadata: { name, namespace, labels: ownLabels(identity, component) },
      data,
    };
    if ((await create(api, secret)) !== undefined) return;
    return await ensureSecret(api, identity, component, namespace, name, keys);
  }
  const data = found.data ?? {};
  const missing = Object.entries(keys).filter(
    ([key, source]) => !Object.hasOwn(data, key) || ('value' in source && data[key] !== encode(source.value)),
  );
  if (missing.length === 0) return;
  if (!isOurs(found.metadata.labels, identity)) {
    throw new DatamillError(
      'SECRET_FOREIGN',
      `the Secret ${namespace}/${name} was not made by this project and lacks ${missing.map(([key]) => key).join(', ')}`,
      {
        hint: 'add the keys to it, or give the component another release name',
      },
    );
  }
  await api.request('PATCH', path, {
    contentType: 'application/merge-patch+json',
    body: { data: Object.fromEntries(missing.map(([key, source]) => [key, make(source)])) },
  });
}

/**
 * Copies a provider's Secret into a consumer's namespace, and again when it has changed.
 *
 * @returns whether anything was written.
 */
export async function copySecret(
  api: Api,
  identity: Identity,
  component: string,
  name: string,
  from: string,
  to: string,
): Promise<boolean> {
  const source = await api.get<KubeObject>(`/api/v1/namespaces/${from}/secrets/${name}`);
  const path = `/api/v1/namespaces/${to}/secrets/${name}`;
  const labels = { ...ownLabels(identity, component), [COPY_OF]: from };
  const copy: KubeObject = {
    apiVersion: 'v1',
    kind: 'Secret',
    type: source.type,
    metadata: { name, namespace: to, labels },
    data: source.data,
  };
  const found = await api.find<KubeObject>(path);
  if (found === undefined) {
    if ((await create(api, copy)) !== undefined) return true;
  } else if (sameData(found.data, source.data)) return false;
  else if (!isOurs(found.metadata.labels, identity)) {
    throw new DatamillError(
      'SECRET_FOREIGN',
      `the Secret ${to}/${name} is not a copy that this project made`,
      { hint: 'give the provider another release name' },
    );
  }
  // A key that is left out of a merge would stay.
  const gone = Object.fromEntries(Object.keys(found?.data ?? {}).map((key) => [key, null]));
  try {
    await api.request('PATCH', path, {
      contentType: 'application/merge-patch+json',
      body: { metadata: { labels }, data: { ...gone, ...source.data } },
    });
  } catch (error) {
    if (!isStatus(error, 404)) throw error;
    await create(api, copy);
  }
  return true;
}

function sameData(a: KubeObject['data'] = {}, b: KubeObject['data'] = {}): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
