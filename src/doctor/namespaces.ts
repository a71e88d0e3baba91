import type { Api } from '../kube/client.ts';
import { isStatus } from '../kube/errors.ts';
import { conditions } from '../kube/fields.ts';
import type { KubeObject } from '../kube/types.ts';

export interface NamespaceState {
  name: string;
  /** `hidden`: the user may not look at namespaces. */
  state: 'active' | 'absent' | 'terminating' | 'hidden';
  /** What keeps a namespace that is being deleted, in the words of the cluster. */
  blockedBy: string[];
  /** Whether `blockedBy` was found in the objects, and not only in what the namespace says of itself. */
  proven?: boolean;
  /** Since when it is being deleted, RFC 3339. */
  since?: string;
}

/** What says which objects are left; that there are some is no more than to be expected for a while. */
const LEFT = 'NamespaceContentRemaining';
const BLOCKING = /^(NamespaceFinalizersRemaining|NamespaceDeletion\w+Failure)$/;

export async function namespaceState(api: Api, name: string, signal?: AbortSignal): Promise<NamespaceState> {
  let found: KubeObject | undefined;
  try {
    found = await api.find<KubeObject>(`/api/v1/namespaces/${name}`, { signal });
  } catch (error) {
    if (isStatus(error, 403)) return { name, state: 'hidden', blockedBy: [] };
    throw error;
  }
  if (found === undefined) return { name, state: 'absent', blockedBy: [] };
  const since = found.metadata.deletionTimestamp;
  if (since === undefined) return { name, state: 'active', blockedBy: [] };
  const said = conditions(found).filter(({ status }) => status === 'True');
  const left = said.filter(({ type }) => type === LEFT).map(({ message }) => message);
  const blocking = said.filter(({ type }) => BLOCKING.test(type)).map(({ message }) => message);
  const objects = (await Promise.all(kindsLeft(left).map((kind) => held(api, name, kind, signal)))).flat();
  const { finalizers } = (found.spec ?? {}) as { finalizers?: string[] };
  const others = (finalizers ?? [])
    .filter((one) => one !== 'kubernetes')
    .map((one) => `its finalizer ${one}`);
  const blockedBy = [...objects, ...others];
  return {
    name,
    state: 'terminating',
    blockedBy: blockedBy.length > 0 ? blockedBy : blocking,
    proven: blockedBy.length > 0,
    since,
  };
}

/** `widgets.example.com has 1 resource instances, pods. has 2 resource instances` */
function kindsLeft(messages: readonly string[]): Array<{ plural: string; group: string }> {
  const found = messages.join(' ').matchAll(/\b([a-z0-9]+)\.([a-z0-9.-]*) has \d+ resource instances/g);
  return [...found].map(([, plural, group]) => ({ plural: plural!, group: group! }));
}

/** The objects of a kind that have finalizers, by name. */
async function held(
  api: Api,
  namespace: string,
  { plural, group }: { plural: string; group: string },
  signal?: AbortSignal,
): Promise<string[]> {
  try {
    const version = group === '' ? 'v1' : await preferred(api, group, signal);
    const { items } = await api.get<{ items: KubeObject[] | null }>(
      `${group === '' ? '/api' : `/apis/${group}`}/${version}/namespaces/${namespace}/${plural}`,
      { signal, query: { limit: '50' } },
    );
    const resource = group === '' ? plural : `${plural}.${group}`;
    return (items ?? [])
      .filter(({ metadata }) => (metadata.finalizers ?? []).length > 0)
      .map(({ metadata }) => `${resource}/${metadata.name} (${metadata.finalizers!.join(', ')})`);
  } catch {
    signal?.throwIfAborted();
    return [];
  }
}

async function preferred(api: Api, group: string, signal?: AbortSignal): Promise<string> {
  const { preferredVersion } = await api.get<{ preferredVersion: { version: string } }>(`/apis/${group}`, {
    signal,
  });
  return preferredVersion.version;
}

/** One sentence about a namespace that is being deleted. */
export function terminatingWords({ name, blockedBy }: NamespaceState): string {
  const why =
    blockedBy.length === 0
      ? ''
      : `, which waits for ${blockedBy.slice(0, 3).join('; ')}${blockedBy.length > 3 ? ` and ${blockedBy.length - 3} more` : ''}`;
  return `the namespace ${name} is being deleted${why}`;
}
