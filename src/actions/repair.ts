import { DatamillError } from '../errors.ts';
import { rollbackArgs, uninstallArgs } from '../helm/args.ts';
import { listRevisions } from '../helm/releases.ts';
import { helmError, isTransient } from '../helm/run.ts';
import type { Session } from './session.ts';

/**
 * Frees a release that a run left `pending-*` or `uninstalling`, without deleting anything that
 * the release made: helm goes back to its last good revision, or takes up the first one again.
 * The upgrade that follows brings it to what the flavour wants.
 */
export async function repair(
  session: Session,
  namespace: string,
  release: string,
  timeout: number,
  signal?: AbortSignal,
): Promise<string> {
  const revisions = await listRevisions(session.api, namespace, { release, superseded: true, signal });
  const current = revisions[0];
  if (current === undefined) return 'nothing to repair';
  const helm = await session.helm();
  if (current.status === 'uninstalling') {
    const result = await helm.run(uninstallArgs(session.helmTarget, { release, namespace, timeout }), {
      signal,
    });
    if (result.exitCode !== 0) throw helmError(`cannot finish to uninstall ${release}`, result);
    return 'finished an uninstall that was cut short';
  }
  const good =
    revisions.find(({ status }) => status === 'deployed' || status === 'superseded') ??
    revisions.find(({ revision }) => revision !== current.revision) ??
    current;
  const args = rollbackArgs(session.helmTarget, {
    release,
    namespace,
    revision: good.revision,
    timeout,
    wait: false,
  });
  for (let attempt = 1; ; attempt++) {
    const result = await helm.run(args, { signal });
    if (result.exitCode === 0)
      return `revision ${current.revision} was ${current.status}; took up revision ${good.revision}`;
    if (signal?.aborted) throw signal.reason;
    if (attempt < 5 && isTransient(result)) continue;
    const { message } = helmError(`cannot repair ${release} (${current.status})`, result);
    throw new DatamillError('REPAIR', message, {
      hint: `look at it with \`helm history ${release} -n ${namespace}\``,
    });
  }
}
