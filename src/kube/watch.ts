import { pause } from '../util/abort.ts';
import type { Api } from './client.ts';
import { isFault, KubeError } from './errors.ts';
import { readLines } from './log-lines.ts';
import { pathOf } from './resources.ts';
import type { KubeObject } from './types.ts';

/** The API server ends a watch after this many seconds, and it is taken up again. */
const RENEW_AFTER = 240;
/** Bytes; etcd takes objects of 1.5 MiB. */
const LARGEST_EVENT = 16 << 20;
const FIRST_WAIT = 200;
const LONGEST_WAIT = 5000;

interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: KubeObject & { code?: number; message?: string; reason?: string };
}

export interface Watcher {
  /** All that there are: first, and whenever the thread was lost. */
  onList(items: KubeObject[]): void;
  onChange(object: KubeObject): void;
  onDelete(object: KubeObject): void;
  /** The API server does not answer; it is asked again until the signal fires. */
  onSilence?(error: unknown): void;
}

/**
 * Keeps up with a kind of a namespace until the signal fires, through lost connections and
 * histories that the API server has forgotten.
 *
 * @throws {KubeError} when the API server refuses it.
 */
export async function watch(
  api: Api,
  ref: { apiVersion: string; kind: string; namespace: string },
  watcher: Watcher,
  signal: AbortSignal,
): Promise<void> {
  const path = await pathOf(api, { ...ref, name: '' });
  let version: string | undefined;
  let wait = FIRST_WAIT;
  while (!signal.aborted) {
    try {
      version ??= await listAll(api, path, ref, watcher, signal);
      version = await watchFrom(api, path, version, watcher, signal);
      wait = FIRST_WAIT;
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof KubeError && error.status === 410) version = undefined;
      else if (!isFault(error) && !isCut(error)) throw error;
      else watcher.onSilence?.(error);
      await pause(wait, signal).catch(() => undefined);
      wait = Math.min(wait * 2, LONGEST_WAIT);
    }
  }
}

async function listAll(
  api: Api,
  path: string,
  { apiVersion, kind }: { apiVersion: string; kind: string },
  watcher: Watcher,
  signal: AbortSignal,
): Promise<string> {
  const { items, metadata } = await api.get<{
    items: KubeObject[] | null;
    metadata: { resourceVersion: string };
  }>(path, { signal });
  watcher.onList((items ?? []).map((item) => ({ ...item, apiVersion, kind })));
  return metadata.resourceVersion;
}

/** @returns the version up to which it was told. */
async function watchFrom(
  api: Api,
  path: string,
  from: string,
  watcher: Watcher,
  signal: AbortSignal,
): Promise<string> {
  let version = from;
  const response = await api.stream(path, {
    signal,
    query: {
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: from,
      timeoutSeconds: String(RENEW_AFTER),
    },
  });
  try {
    for await (const lines of readLines(response, LARGEST_EVENT)) {
      for (const { text } of lines) {
        const { type, object } = JSON.parse(text) as WatchEvent;
        if (type === 'ERROR')
          throw new KubeError(object.code ?? 500, object.reason ?? 'Watch', object.message ?? text);
        version = object.metadata.resourceVersion ?? version;
        if (type === 'DELETED') watcher.onDelete(object);
        else if (type !== 'BOOKMARK') watcher.onChange(object);
      }
    }
  } catch (error) {
    // What came before the cut is known: the next watch goes on from there.
    if (!isCut(error)) throw error;
  } finally {
    response.destroy();
  }
  return version;
}

/** The connection ended in the middle of an answer. */
export function isCut(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return ['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ERR_STREAM_PREMATURE_CLOSE'].includes(code ?? '');
}
