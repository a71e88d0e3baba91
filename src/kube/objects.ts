import { setTimeout as sleep } from 'node:timers/promises';
import type { Api, RequestOptions } from './client.ts';
import { isFault, isStatus, type KubeError } from './errors.ts';
import { type ObjectRef, pathOf, refOf } from './resources.ts';
import type { KubeObject } from './types.ts';

/** Our name in `managedFields`. */
const FIELD_MANAGER = 'data-mill';

/** Only names, labels and versions: a fraction of the bytes, and no secrets. */
const METADATA = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
const PAGE = '500';

interface List {
  /** null when there is none. */
  items: KubeObject[] | null;
  metadata?: { continue?: string };
}

/** Lists a collection, page by page; items get the kind that lists leave out. */
export async function list(
  api: Api,
  ref: Omit<ObjectRef, 'name'>,
  options: { labels?: string; fields?: string; metadataOnly?: boolean; signal?: AbortSignal } = {},
): Promise<KubeObject[]> {
  const path = await pathOf(api, { ...ref, name: '' });
  const items: KubeObject[] = [];
  let next: string | undefined;
  do {
    const page = await api.get<List>(path, {
      query: { labelSelector: options.labels, fieldSelector: options.fields, limit: PAGE, continue: next },
      accept: options.metadataOnly ? METADATA : undefined,
      signal: options.signal,
    });
    for (const item of page.items ?? []) items.push({ ...item, apiVersion: ref.apiVersion, kind: ref.kind });
    next = page.metadata?.continue || undefined;
  } while (next !== undefined);
  return items;
}

/** `list`, or undefined where the user may not look. */
export async function listIfAllowed(...args: Parameters<typeof list>): Promise<KubeObject[] | undefined> {
  try {
    return await list(...args);
  } catch (error) {
    if (isStatus(error, 403)) return undefined;
    throw error;
  }
}

/**
 * Server-side apply, taking over fields that others own: what the flavour says holds.
 *
 * @param options.dryRun returns what would be without changing anything.
 */
export async function apply(
  api: Api,
  object: KubeObject,
  options: { dryRun?: boolean; manager?: string; namespace?: string } & Pick<
    RequestOptions,
    'signal' | 'retryFor'
  > = {},
): Promise<KubeObject> {
  const ref = refOf(object, options.namespace);
  const path = await pathOf(api, ref);
  const metadata = {
    ...object.metadata,
    ...(ref.namespace === undefined ? {} : { namespace: ref.namespace }),
  };
  return await api.request<KubeObject>('PATCH', path, {
    query: {
      fieldManager: options.manager ?? FIELD_MANAGER,
      force: 'true',
      dryRun: options.dryRun ? 'All' : undefined,
    },
    contentType: 'application/apply-patch+yaml',
    body: { ...object, metadata },
    signal: options.signal,
    retryFor: options.retryFor,
  });
}

/** Deletes an object; that it is not there is fine. Returns whether it was. */
export async function remove(
  api: Api,
  ref: ObjectRef,
  options: { propagation?: 'Foreground' | 'Background' } = {},
): Promise<boolean> {
  try {
    await api.request('DELETE', await pathOf(api, ref), {
      body: {
        kind: 'DeleteOptions',
        apiVersion: 'v1',
        propagationPolicy: options.propagation ?? 'Background',
      },
    });
    return true;
  } catch (error) {
    if (isStatus(error, 404)) return false;
    throw error;
  }
}

/** How long a create is tried, in milliseconds. */
const CREATE_FOR = 60_000;

/** Creates an object; undefined when one of that name is there already. */
export async function create(api: Api, object: KubeObject): Promise<KubeObject | undefined> {
  const ref = refOf(object);
  const path = await pathOf(api, { ...ref, name: '' });
  const deadline = Date.now() + CREATE_FOR;
  for (;;) {
    try {
      return await api.request<KubeObject>('POST', path, {
        body: object,
        query: { fieldManager: FIELD_MANAGER },
      });
    } catch (error) {
      // Quotas under load answer 409 as well: that is no object of the same name.
      const conflict = isStatus(error, 409);
      if (conflict && (error as KubeError).reason === 'AlreadyExists') return undefined;
      // The answer may have been lost after the create happened: look before trying again.
      const there = await api.find<KubeObject>(await pathOf(api, ref));
      if (there !== undefined) return undefined;
      if (!(conflict || isFault(error)) || Date.now() > deadline) throw error;
      await sleep(300);
    }
  }
}
