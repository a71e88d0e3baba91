import type { Style } from '../style.ts';
import { duration } from '../summary.ts';
import { type Board, elapsed, type Step, stepWords } from './board.ts';

export type Mark = 'waiting' | 'running' | 'done' | 'failed' | 'skipped' | 'warning' | 'stopped' | 'none';

/** One line of the display; `key` stays the same while the text changes. */
export interface Entry {
  key: string;
  mark: Mark;
  text: string;
}

/** More steps than this are never listed one by one. */
const most = 60;
/** Lines of the terminal that are left for what stands around the list. */
const margin = 4;
const mostWarnings = 3;

/**
 * The lines to draw: every step while they fit, else only what runs or has failed, and a
 * counter. At the end all of them, as the terminal may scroll then.
 */
export function viewOf(
  board: Board,
  warnings: string[],
  rows: number,
  final: boolean,
  style: Style,
): Entry[] {
  const { steps, now } = board;
  const entry = (step: Step) => entryOf(step, { final, style, now });
  const listedWarnings = final ? warnings : warnings.slice(-mostWarnings);
  const room = final ? most : Math.min(most, Math.max(rows - margin - listedWarnings.length, 5));
  const notes = listedWarnings.map(
    (text, index): Entry => ({ key: `warning ${index}`, mark: 'warning', text }),
  );
  if (steps.length <= room) return [...steps.map(entry), ...notes];
  const failed = steps.filter((step) => step.state === 'failed');
  const running = steps.filter((step) => step.state === 'running');
  // What fails is to be seen until the end: it takes the place of what runs.
  const shown = [...failed, ...running].slice(0, final ? undefined : room - 1);
  const listed = steps.filter((step) => shown.includes(step)).map(entry);
  return [...listed, { key: 'counter', mark: 'none', text: style.dim(counter(steps)) }, ...notes];
}

function entryOf(step: Step, { final, style, now }: { final: boolean; style: Style; now: number }): Entry {
  const seconds = elapsed(step, now);
  const words = stepWords(step);
  const time =
    (step.state === 'done' || step.phase === 'run') && seconds !== undefined && seconds > 0
      ? style.dim(duration(seconds))
      : '';
  const text = [style.bold(step.title), words, time].filter((part) => part !== '').join('  ');
  const cut = final && (step.state === 'running' || step.state === 'waiting');
  return { key: step.key, mark: cut ? 'stopped' : step.state, text };
}

function counter(steps: Step[]): string {
  const number = (state: Step['state']) => steps.filter((step) => step.state === state).length;
  const parts = [`${number('done')} of ${steps.length} done`];
  for (const state of ['running', 'waiting', 'failed', 'skipped'] as const) {
    if (number(state) > 0) parts.push(`${number(state)} ${state}`);
  }
  return parts.join(', ');
}
