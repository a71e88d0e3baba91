import { parse, stringify } from 'yaml';
import { refusedError, unreachableError } from '../errors.ts';

type Entry = Record<string, unknown>;
interface Config {
  clusters: Entry[];
  users: Entry[];
  contexts: Entry[];
  'current-context'?: string;
}

/** What becomes of one context of a kubeconfig. */
export interface Isolation {
  /** The name that context, cluster and user get; they keep theirs when undefined. */
  name?: string;
  /** Another way to the same server; its certificate is still expected to name the first one. */
  server?: string;
}

/** One context of a kubeconfig. */
export interface Isolated {
  text: string;
  context: string;
  server: string;
}

/**
 * The current context (or the only one) of a kubeconfig, with its cluster and user and nothing
 * else. It is rewritten as data, so that a name which is also part of a certificate stays whole.
 *
 * @throws {DatamillError} TARGET_KUBECONFIG, exit code 4, when there is no such context in it.
 */
export function isolateContext(text: string, { name, server }: Isolation = {}): Isolated {
  const config = read(text, 'what the cluster gave as its kubeconfig');
  const wanted =
    config['current-context'] ?? (config.contexts.length === 1 ? config.contexts[0]!.name : undefined);
  const context = config.contexts.find((entry) => entry.name === wanted);
  const about = (context?.context ?? {}) as Entry;
  const cluster = config.clusters.find((entry) => entry.name === about.cluster)?.cluster as Entry | undefined;
  const user = config.users.find((entry) => entry.name === about.user)?.user as Entry | undefined;
  if (typeof cluster?.server !== 'string' || user === undefined)
    throw broken('what the cluster gave as its kubeconfig has no whole context');
  const given = cluster.server;
  const moved =
    server === undefined
      ? cluster
      : {
          ...cluster,
          server,
          'tls-server-name': cluster['tls-server-name'] ?? new URL(given).hostname.replace(/^\[|\]$/g, ''),
        };
  const called = (own: unknown) => name ?? String(own);
  const names = { cluster: called(about.cluster), user: called(about.user), context: called(wanted) };
  const isolated = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: names.cluster, cluster: moved }],
    users: [{ name: names.user, user }],
    contexts: [{ name: names.context, context: { ...about, cluster: names.cluster, user: names.user } }],
    'current-context': names.context,
  };
  return { text: stringify(isolated), context: names.context, server: given };
}

/**
 * A kubeconfig with the context of another one in it, which becomes the current one.
 *
 * @param replace whether entries of the same name that lead elsewhere are replaced.
 * @throws {DatamillError} CONTEXT_TAKEN, exit code 3, when they are and must not be.
 */
export function mergeContext(into: string, from: string, replace: boolean): string {
  const base = into.trim() === '' ? emptyConfig() : read(into, 'the kubeconfig to merge into');
  const added = read(from, 'the kubeconfig of the target');
  const serverOf = (entry?: Entry) => (entry?.cluster as Entry | undefined)?.server;
  for (const cluster of added.clusters) {
    const there = base.clusters.find(({ name }) => name === cluster.name);
    if (there === undefined || replace || serverOf(there) === serverOf(cluster)) continue;
    throw refusedError('CONTEXT_TAKEN', `there is a cluster ${cluster.name} already, at ${serverOf(there)}`, {
      hint: `--yes replaces it by the one at ${serverOf(cluster)}`,
    });
  }
  const both = (key: 'clusters' | 'users' | 'contexts') => [
    ...base[key].filter(({ name }) => !added[key].some((entry) => entry.name === name)),
    ...added[key],
  ];
  return stringify({
    ...base,
    clusters: both('clusters'),
    users: both('users'),
    contexts: both('contexts'),
    'current-context': added['current-context'],
  });
}

function emptyConfig(): Config & Entry {
  return { apiVersion: 'v1', kind: 'Config', clusters: [], users: [], contexts: [] };
}

function read(text: string, what: string): Config & Entry {
  let config: unknown;
  try {
    config = parse(text);
  } catch (cause) {
    throw broken(`${what} is not YAML`, cause);
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config))
    throw broken(`${what} is no kubeconfig`);
  const list = (key: string) => {
    const value = (config as Entry)[key];
    return Array.isArray(value)
      ? (value.filter((entry) => typeof entry === 'object' && entry !== null) as Entry[])
      : [];
  };
  return { ...config, clusters: list('clusters'), users: list('users'), contexts: list('contexts') };
}

function broken(message: string, cause?: unknown) {
  return unreachableError('TARGET_KUBECONFIG', message, {
    cause,
    hint: 'see what `datamill status --verbose` says, and whether the cluster came up',
  });
}
