import { unreachableError } from '../../errors.ts';
import { connect } from '../../kube/client.ts';
import { fields, items, text } from '../../kube/fields.ts';
import { KubeError } from '../../kube/errors.ts';
import type { KubeObject } from '../../kube/types.ts';
import { pause } from '../../util/abort.ts';
import type { TargetHandle, TargetIO } from '../contract.ts';

/** Milliseconds that a new cluster may take until its API server answers and a node is ready. */
const READY_WITHIN = 300_000;

/**
 * Waits until the API server answers and a node is ready: what the command lines of clusters say
 * of themselves is not enough.
 *
 * @throws {DatamillError} TARGET_UNREACHABLE, TARGET_NOT_READY (exit 4)
 */
export async function untilReady(handle: TargetHandle, { signal, progress }: TargetIO): Promise<void> {
  const api = connect(handle);
  const deadline = Date.now() + READY_WITHIN;
  try {
    progress('waiting for the API server');
    await api.get('/version', { timeout: 5000, retryFor: READY_WITHIN, signal });
    for (;;) {
      const why = await notReady(api, signal);
      if (why === undefined) return;
      if (Date.now() > deadline)
        throw unreachableError('TARGET_NOT_READY', `no node of the cluster is ready: ${why}`, {
          hint: 'see `kubectl describe nodes`; `datamill up` again goes on waiting',
        });
      progress(`waiting for a node: ${why}`);
      await pause(1000, signal);
    }
  } finally {
    api.close();
  }
}

async function notReady(api: ReturnType<typeof connect>, signal?: AbortSignal): Promise<string | undefined> {
  try {
    const nodes = items(
      (await api.get<{ items: unknown }>('/api/v1/nodes', { signal })).items,
    ) as unknown as KubeObject[];
    if (nodes.length === 0) return 'there is none yet';
    const ready = nodes.map((node) =>
      items(fields(node.status).conditions).find(({ type }) => type === 'Ready'),
    );
    if (ready.some((condition) => condition?.status === 'True')) return undefined;
    return text(ready[0]?.message) || 'it has not reported yet';
  } catch (error) {
    // Who may not list nodes takes the cluster as it is.
    if (error instanceof KubeError && error.status === 403) return undefined;
    throw error;
  }
}
