import { errorMessage } from '../errors.ts';
import { schedule } from '../plan/schedule.ts';
import type { Failure } from './failure.ts';
import { type Removable, removalGraph, removeComponent } from './removal.ts';
import type { ActionOptions, Session } from './session.ts';

/** Uninstalls what the flavour no longer names, dependants first; gives the names of what went. */
export async function prune(
  session: Session,
  extra: readonly Removable[],
  options: ActionOptions,
  signal: AbortSignal,
  failures: Failure[],
): Promise<string[]> {
  const removed: string[] = [];
  const byName = new Map(extra.map((item) => [item.component, item]));
  await schedule(
    removalGraph(extra, new Map()),
    async (name) => {
      const step = { type: 'step', component: name, phase: 'uninstall' } as const;
      options.report({ ...step, state: 'running', message: 'no longer in the flavour' });
      try {
        await removeComponent(session, byName.get(name)!, signal);
        removed.push(name);
        options.report({ ...step, state: 'done', message: 'removed' });
        return true;
      } catch (error) {
        failures.push({
          component: name,
          message: errorMessage(error),
          findings: [],
          logs: [],
          commands: [],
        });
        options.report({ ...step, state: 'failed', message: errorMessage(error) });
        return false;
      }
    },
    { concurrency: 8, signal, onSkip: () => undefined },
  );
  return removed;
}
