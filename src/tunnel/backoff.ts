/** Milliseconds. */
const FIRST = 250;
const LONGEST = 30_000;

/**
 * How long to wait before try number `attempt` (from 0): any time up to a limit that doubles, so
 * that those who lost their connections together do not come back together.
 *
 * @param random between 0 and 1.
 */
export function backoff(attempt: number, random: number = Math.random()): number {
  return Math.round(Math.min(FIRST * 2 ** attempt, LONGEST) * random);
}
