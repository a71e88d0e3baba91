import { setTimeout as sleep } from 'node:timers/promises';
import { DatamillError } from '../errors.ts';
import { isPending, listRevisions, manifestObjects, readRelease, setStatus } from '../helm/releases.ts';
import type { Api } from '../kube/client.ts';
import { refOf } from '../kube/resources.ts';
import { readObjects } from '../plan/live.ts';

const ATTEMPTS = 10;
const POLL_EVERY = 500;

/**
 * Frees a release that a run left `pending-*` or `uninstalling`, without deleting anything that
 * the release made: its newest revision is marked as failed, which is what helm writes when it is
 * given the time. A rollback would restart the pods with the old version, runs into the same
 * fault when the first revision was never good, and finishing an uninstall would delete volumes.
 *
 * @param timeout seconds that objects which are being deleted may take.
 */
export async function repair(
  api: Api,
  namespace: string,
  release: string,
  timeout: number,
  signal?: AbortSignal,
): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const [current] = await listRevisions(api, namespace, { release, superseded: true, signal });
    if (current === undefined || !isPending(current.status)) return;
    if (current.status === 'uninstalling')
      await untilDeleted(api, namespace, current.secret, Date.now() + timeout * 1000, signal);
    if (await setStatus(api, namespace, current.secret, 'failed')) return;
    await sleep(POLL_EVERY, undefined, { signal });
  }
  throw new DatamillError('REPAIR', `cannot repair ${release}: something else writes to its revisions`, {
    hint: `look at it with \`helm history ${release} -n ${namespace}\``,
  });
}

/**
 * Makes sure that a revision which helm says is deployed is so in the cluster, and alone: helm ends
 * well even when it could not write that, or that the one before is superseded.
 */
export async function settle(
  api: Api,
  namespace: string,
  release: string,
  revision: number,
  signal?: AbortSignal,
): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const revisions = await listRevisions(api, namespace, { release, signal });
    // Somebody else is at it already.
    if (revisions.some((other) => other.revision > revision)) return;
    const wrong = revisions.filter(
      (other) => (other.revision === revision) !== (other.status === 'deployed'),
    );
    if (wrong.length === 0) return;
    for (const other of wrong)
      await setStatus(api, namespace, other.secret, other.revision === revision ? 'deployed' : 'superseded');
  }
}

/** An upgrade would be glad to find objects that are gone a moment later. */
async function untilDeleted(
  api: Api,
  namespace: string,
  secret: string,
  deadline: number,
  signal?: AbortSignal,
): Promise<void> {
  const content = await readRelease(api, namespace, secret);
  const refs = manifestObjects(content?.manifest ?? '').map((object) => refOf(object, namespace));
  for (;;) {
    const { objects } = await readObjects(api, refs, signal);
    const wanted = new Set(refs.map(({ kind, name }) => `${kind}/${name}`));
    const going = [...objects.values()].filter(
      ({ kind, metadata }) =>
        metadata.deletionTimestamp !== undefined && wanted.has(`${kind}/${metadata.name}`),
    );
    if (going.length === 0 || Date.now() > deadline) return;
    await sleep(POLL_EVERY, undefined, { signal });
  }
}
