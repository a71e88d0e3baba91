import { randomBytes } from 'node:crypto';
import { DatamillError } from '../errors.ts';
import type { Api } from './client.ts';
import { isStatus } from './errors.ts';
import { type Identity, isOurs, ownLabels } from './labels.ts';
import { create } from './objects.ts';
import type { KubeObject } from './types.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
/** Bytes from here on would make the first letters of the alphabet more likely than the last. */
const UNBIASED = 256 - (256 % ALPHABET.length);

/** Random letters and digits: safe in URLs, shells and configuration files alike. */
function generateSecret(length: number): string {
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
  const labels = { ...ownLabels(identity, component), 'datamill.io/copy-of': from };
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
  } else if (JSON.stringify(found.data) === JSON.stringify(source.data)) return false;
  else if (!isOurs(found.metadata.labels, identity)) {
    throw new DatamillError(
      'SECRET_FOREIGN',
      `the Secret ${to}/${name} is not a copy that this project made`,
      { hint: 'give the provider another release name' },
    );
  }
  try {
    await api.request('PATCH', path, {
      contentType: 'application/merge-patch+json',
      body: { metadata: { labels }, data: source.data },
    });
  } catch (error) {
    if (!isStatus(error, 404)) throw error;
    await create(api, copy);
  }
  return true;
}
