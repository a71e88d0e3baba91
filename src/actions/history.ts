import { configError, DatamillError, refusedError } from '../errors.ts';
import { rollbackArgs } from '../helm/args.ts';
import { listRevisions, readRelease } from '../helm/releases.ts';
import { helmMessage } from '../helm/run.ts';
import type { ResolvedComponent } from '../resolve/types.ts';
import { type LockedOptions, locked } from './run.ts';
import { type ActionOptions, openSession, type Session } from './session.ts';

export interface HistoryEntry {
  revision: number;
  status: string;
  chart: string;
  updated: string;
  description: string;
}

/** The revisions that Helm keeps of a component, the newest first. */
export async function history(options: ActionOptions & { component: string }): Promise<HistoryEntry[]> {
  const session = await openSession({ ...options, components: [options.component], only: true }, 'connect');
  try {
    return await entries(session, only(session));
  } finally {
    session.close();
  }
}

function only({ resolved }: Session): ResolvedComponent {
  return resolved.components[0]!;
}

async function entries(
  { api }: Session,
  { namespace, release, name }: ResolvedComponent,
): Promise<HistoryEntry[]> {
  const revisions = await listRevisions(api, namespace, { release, superseded: true });
  if (revisions.length === 0)
    throw refusedError(
      'NOT_INSTALLED',
      `${name} is not installed: there is no release ${release} in ${namespace}`,
      { hint: `\`datamill up -c ${name}\` installs it` },
    );
  return await Promise.all(
    revisions.map(async ({ revision, status, secret }) => {
      const content = await readRelease(api, namespace, secret);
      const { name: chart = '', version = '' } = content?.chart.metadata ?? {};
      return {
        revision,
        status,
        chart: `${chart}-${version}`,
        updated: content?.info.last_deployed ?? '',
        description: content?.info.description ?? '',
      };
    }),
  );
}

/**
 * Goes back to an earlier revision of a component: the one before the newest good one, or the one
 * that is named. The flavour still says something else, so the next `up` would go forward again.
 */
export async function rollback(
  options: ActionOptions & LockedOptions & { component: string; revision?: number },
): Promise<{ from: number; to: number; release: string }> {
  const session = await openSession({ ...options, components: [options.component], only: true }, 'connect');
  try {
    return await locked(session, options, async (signal) => {
      const component = only(session);
      const { release, namespace, timeout, name } = component;
      const known = await entries(session, component);
      const current = known[0]!;
      const good = known.filter(
        ({ revision, status }) =>
          revision < current.revision && (status === 'superseded' || status === 'deployed'),
      );
      const to =
        options.revision === undefined
          ? good[0]
          : known.find(({ revision }) => revision === options.revision);
      if (to === undefined) {
        const there = known.map(({ revision }) => revision).join(', ');
        if (options.revision !== undefined)
          throw configError('NO_REVISION', `${name} has no revision ${options.revision}`, {
            hint: `there are ${there}`,
          });
        throw refusedError('NO_REVISION', `${name} has no earlier revision to go back to`, {
          hint: `there is only ${there}`,
        });
      }
      options.report({
        type: 'step',
        component: name,
        phase: 'install',
        state: 'running',
        message: `back to revision ${to.revision}`,
      });
      const helm = await session.helm();
      const result = await helm.run(
        rollbackArgs(session.helmTarget, { release, namespace, revision: to.revision, timeout }),
        { signal },
      );
      if (result.exitCode !== 0) {
        signal.throwIfAborted();
        throw new DatamillError(
          'ROLLBACK',
          `${release} cannot go back to revision ${to.revision}: ${helmMessage(result)}`,
        );
      }
      options.report({
        type: 'step',
        component: name,
        phase: 'install',
        state: 'done',
        message: `at revision ${to.revision}`,
      });
      return { from: current.revision, to: to.revision, release };
    });
  } finally {
    session.close();
  }
}
