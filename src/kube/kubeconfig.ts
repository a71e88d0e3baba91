import { readFileSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { unreachableError } from '../errors.ts';

type Entry = Record<string, unknown>;

/** One context of a kubeconfig. */
export interface Access {
  file: string;
  context: string;
  /** URL of the API server. */
  server: string;
  /** The namespace that the context names, if it does. */
  namespace?: string;
  /** Certificates or a token that stand in the file; undefined when they have to be got by other ways. */
  plain?: RequestOptions;
}

/** What of a kubeconfig is understood here; anything else is left to the Kubernetes client library. */
const CLUSTER_WORDS = [
  'server',
  'certificate-authority',
  'certificate-authority-data',
  'insecure-skip-tls-verify',
  'tls-server-name',
  'extensions',
];
const USER_WORDS = [
  'client-certificate',
  'client-certificate-data',
  'client-key',
  'client-key-data',
  'token',
];

/**
 * Reads a context. Most name certificates or a token: those are read here, because the client
 * library, which knows every way to log in, takes longer to load than an `up` with nothing to do.
 *
 * @throws {DatamillError} TARGET_CONTEXT (exit 4) when the file or the context is not there.
 */
export function readAccess(file: string, context: string): Access {
  const config = read(file);
  const named = (list: unknown, name: unknown, key: string): Entry | undefined =>
    entries(list).find((entry) => entry.name === name)?.[key] as Entry | undefined;
  const chosen = named(config.contexts, context, 'context');
  const cluster = named(config.clusters, chosen?.cluster, 'cluster');
  const user = named(config.users, chosen?.user, 'user') ?? {};
  if (typeof cluster?.server !== 'string') {
    const names = entries(config.contexts).map(({ name }) => name);
    throw unreachableError('TARGET_CONTEXT', `the kubeconfig ${file} has no usable context "${context}"`, {
      hint: `its contexts are ${names.join(', ') || 'none'}`,
    });
  }
  const server = cluster.server.replace(/\/$/, '');
  const namespace = typeof chosen?.namespace === 'string' ? chosen.namespace : undefined;
  return { file, context, server, namespace, plain: plainly(cluster, user, dirname(file)) };
}

function read(file: string): Entry {
  try {
    const config: unknown = parse(readFileSync(file, 'utf8'));
    if (typeof config === 'object' && config !== null) return config as Entry;
  } catch (cause) {
    throw unreadable(file, cause);
  }
  throw unreadable(file, undefined);
}

function unreadable(file: string, cause: unknown) {
  return unreachableError('TARGET_CONTEXT', `the kubeconfig ${file} cannot be read`, {
    cause,
    hint: 'check its path and that it is valid YAML',
  });
}

function entries(list: unknown): Entry[] {
  return Array.isArray(list) ? (list as Entry[]) : [];
}

function plainly(cluster: Entry, user: Entry, folder: string): Access['plain'] {
  const known =
    Object.keys(cluster).every((word) => CLUSTER_WORDS.includes(word)) &&
    Object.keys(user).every((word) => USER_WORDS.includes(word));
  if (!known) return undefined;
  const content = (from: Entry, word: string) => {
    const data = from[`${word}-data`];
    if (data) return Buffer.from(String(data), 'base64');
    return from[word] ? readFileSync(resolve(folder, String(from[word]))) : undefined;
  };
  try {
    return {
      ca: content(cluster, 'certificate-authority'),
      cert: content(user, 'client-certificate'),
      key: content(user, 'client-key'),
      servername: cluster['tls-server-name'] as string | undefined,
      rejectUnauthorized: cluster['insecure-skip-tls-verify'] === true ? false : undefined,
      headers: user.token ? { authorization: `Bearer ${user.token}` } : {},
    };
  } catch {
    // A file that cannot be read: the library says which.
    return undefined;
  }
}
