import type { Api } from '../kube/client.ts';

/** Where the cluster autoscaler says how it is. */
const STATUS = '/api/v1/namespaces/kube-system/configmaps/cluster-autoscaler-status';

/** Whether nodes come when pods find no place: what does not fit now is then no reason to refuse. */
export async function growsByItself(api: Api, signal?: AbortSignal): Promise<boolean> {
  const found = await Promise.all(
    [STATUS, '/apis/karpenter.sh'].map((path) =>
      api.find(path, { signal, retryFor: 0 }).catch(() => undefined),
    ),
  );
  signal?.throwIfAborted();
  return found.some((one) => one !== undefined);
}
