import type { Api } from '../kube/client.ts';
import type { KubeObject } from '../kube/types.ts';

const TRIED = 'datamill.io/tried-again';

/**
 * Lets controllers that could not make their pods try again at once. They wait longer after every
 * failure, up to a quarter of an hour, and do not notice that a quota was raised.
 *
 * @param sets ReplicaSets that failed before the present run, which began at `since`.
 */
export async function tryAgain(api: Api, sets: readonly KubeObject[], since: Date): Promise<void> {
  const failing = sets.filter(({ metadata }) => (metadata.annotations?.[TRIED] ?? '') < since.toISOString());
  const annotations = { [TRIED]: new Date().toISOString() };
  await Promise.all(
    failing.map(({ metadata }) =>
      api
        .request('PATCH', `/apis/apps/v1/namespaces/${metadata.namespace}/replicasets/${metadata.name}`, {
          contentType: 'application/merge-patch+json',
          body: { metadata: { annotations } },
          retryFor: 0,
        })
        // Without the right to, the controller's own next try has to do.
        .catch(() => undefined),
    ),
  );
}
