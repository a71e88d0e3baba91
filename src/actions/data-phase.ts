import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { type DatamillError, errorMessage } from '../errors.ts';
import { dataFolderOf } from '../resolve/data-mount.ts';
import { pushFolder, pushWords } from './data-push.ts';
import { storeOf } from './data-store.ts';
import type { Reporter } from './events.ts';
import type { Failure } from './failure.ts';
import type { Session } from './session.ts';

interface PhaseOptions {
  report: Reporter;
  signal: AbortSignal;
  /** False after `--no-data`. */
  wanted: boolean;
}

/**
 * The data phase of `up`: sends what changed in the data folder. Skipped by name where it cannot be
 * done or was not asked for; nothing is said of it where a flavour has no data or no object store.
 *
 * @returns what went wrong.
 */
export async function dataPhase(
  session: Session,
  { report, signal, wanted }: PhaseOptions,
): Promise<Failure[]> {
  const say = (state: 'done' | 'failed' | 'skipped', message: string) =>
    report({ type: 'step', phase: 'data', state, message });
  try {
    const folder = dataFolderOf(session.resolved);
    const store = storeOf(session.resolved);
    if (folder === undefined || store === undefined) return [];
    const name = basename(folder);
    if (!wanted) say('skipped', `${name}: --no-data`);
    else if (!existsSync(folder)) say('skipped', `${folder} is not there`);
    else if (session.handle.simulated && store.inTarget) say('skipped', `${name}: pods are simulated`);
    else {
      const result = await pushFolder(session, { report, signal });
      if (result.error !== undefined) return [];
      say(result.unsent.length === 0 ? 'done' : 'failed', pushWords(result));
      if (result.unsent.length > 0) return [failure(pushWords(result))];
    }
    return [];
  } catch (error) {
    if (signal.aborted) return [];
    say('failed', errorMessage(error));
    const { hint } = error as DatamillError;
    return [failure(hint === undefined ? errorMessage(error) : `${errorMessage(error)}; ${hint}`)];
  }
}

function failure(message: string): Failure {
  return { component: 'data', message, findings: [], logs: [], commands: [] };
}
