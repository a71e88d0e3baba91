import { parseDuration } from '../../util/duration.ts';
import type { Request } from '../request.ts';

/** No attempt runs for longer, in seconds: 96 hours, as in the reference. */
const LONGEST = 96 * 3600;

/**
 * Seconds that an attempt may run: `experiment.max_duration` for this attempt, `config.experimentLifetime`
 * since the experiment was added; 0 when its time is over.
 */
export function secondsAllowed({ experiment, config }: Request, now = Date.now()): number {
  const attempt = parseDuration(experiment.max_duration ?? '') ?? LONGEST;
  const lifetime = parseDuration(config.experimentLifetime ?? '');
  const added = experiment.time_added ?? 0;
  // Times of long ago stand for "not known" in messages.
  const left = lifetime === undefined || added < 10 ? LONGEST : added + lifetime - now / 1000;
  return Math.max(0, Math.min(attempt, left, LONGEST));
}

/** Seconds between two checkpoints of an artifact; undefined for none. */
export function saveEvery(
  { config }: Request,
  frequency: string | number | null | undefined,
): number | undefined {
  const said = frequency ?? config.saveWorkspaceFrequency;
  const seconds = typeof said === 'number' ? said : parseDuration(said ?? '');
  return seconds === undefined || seconds <= 0 ? undefined : seconds;
}
