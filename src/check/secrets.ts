import type { Api } from '../kube/client.ts';
import { KubeError } from '../kube/errors.ts';
import type { KubeObject } from '../kube/types.ts';
import { registerSecrets } from '../util/redact.ts';
import { final } from './failure.ts';

/** Shorter ones are user names and the like: hiding those would make reports unreadable. */
const SHORTEST = 8;

/**
 * Reads a key of a Secret; from now on its value is hidden in all that is printed.
 *
 * @throws {CheckError} when there is no such Secret or key, or it may not be read.
 */
export async function readSecret(
  api: Api,
  namespace: string,
  { name, key }: { name: string; key: string },
): Promise<string> {
  const data = await dataOf(api, namespace, name);
  const value = data[key];
  if (value === undefined) throw final(`the Secret ${namespace}/${name} has no key ${key}`);
  const text = Buffer.from(value, 'base64').toString('utf8');
  if (text.length >= SHORTEST) registerSecrets(text);
  return text;
}

async function dataOf(api: Api, namespace: string, name: string): Promise<Record<string, string>> {
  try {
    const found = await api.get<KubeObject>(`/api/v1/namespaces/${namespace}/secrets/${name}`);
    return (found.data ?? {}) as Record<string, string>;
  } catch (error) {
    if (error instanceof KubeError && (error.status === 403 || error.status === 404))
      throw final(error.message, error.hint);
    throw error;
  }
}
