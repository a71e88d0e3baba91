import type { Api } from '../kube/client.ts';
import { text } from '../kube/fields.ts';
import type { Identity } from '../kube/labels.ts';
import { list } from '../kube/objects.ts';
import { debugSelector, isMine, isOrphan, kindOf, ownerOf } from './labels.ts';

/** A pod of a debug session. */
export interface DebugPod {
  name: string;
  namespace: string;
  kind: string;
  /** `user@host` */
  owner: string;
  created: string;
  /** `over`: it has ended; `left`: the program that made it is no more; `used`: as far as can be told. */
  state: 'over' | 'left' | 'used';
  /** Whether nobody can miss it: `gc` deletes it unasked. */
  garbage: boolean;
}

/** The debug pods of a flavour, everybody's. */
export async function debugPods(api: Api, identity: Identity, signal?: AbortSignal): Promise<DebugPod[]> {
  const { namespace } = identity;
  const labels = debugSelector(identity);
  const pods = await list(api, { apiVersion: 'v1', kind: 'Pod', namespace }, { labels, signal });
  return pods
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map((pod) => {
      const over = ['Succeeded', 'Failed'].includes(text(pod.status?.phase));
      const left = isOrphan(pod);
      return {
        name: pod.metadata.name,
        namespace,
        kind: kindOf(pod),
        owner: ownerOf(pod),
        created: pod.metadata.creationTimestamp ?? '',
        state: over ? 'over' : left ? 'left' : 'used',
        garbage: left || (over && isMine(pod)),
      };
    });
}
