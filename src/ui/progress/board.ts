import type { DatamillEvent, Phase, StepEvent, StepState } from '../../actions/events.ts';

/** One line of the display: a component, or a phase of the whole run. */
export interface Step {
  key: string;
  title: string;
  /** Undefined for a phase of the whole run. */
  component?: string;
  phase: Phase;
  state: StepState;
  message: string;
  /** Milliseconds since the epoch: when it began to run, and when it last stopped. */
  started?: number;
  ended?: number;
}

/** What is known about every step, in the order they were first seen. */
export class Board {
  private readonly known = new Map<string, Step>();
  private readonly clock: () => number;

  constructor(clock: () => number = Date.now) {
    this.clock = clock;
  }

  /** Milliseconds since the epoch. */
  get now(): number {
    return this.clock();
  }

  get steps(): Step[] {
    return [...this.known.values()];
  }

  /** @returns false when the event changed nothing that can be seen */
  take(event: DatamillEvent): boolean {
    if (event.type !== 'step') return false;
    const key = event.component === undefined ? `phase ${event.phase}` : `component ${event.component}`;
    const before = this.known.get(key);
    // A check that is skipped takes nothing from what was done.
    if (event.phase === 'check' && event.state === 'skipped' && before !== undefined) return false;
    const after = this.next(key, before, event);
    this.known.set(key, after);
    return before?.state !== after.state || before.phase !== after.phase || before.message !== after.message;
  }

  private next(key: string, before: Step | undefined, event: StepEvent): Step {
    const now = this.clock();
    const running = event.state === 'running';
    return {
      key,
      title: event.component ?? event.phase,
      component: event.component,
      phase: event.phase,
      state: event.state,
      message: event.message,
      started:
        event.seconds === undefined
          ? (before?.started ?? (event.state === 'waiting' ? undefined : now))
          : now - event.seconds * 1000,
      ended: running || event.state === 'waiting' ? undefined : now,
    };
  }
}

/** What stands behind the name of a step. */
export function stepWords(step: Step): string {
  const message = firstLine(step.message);
  // A phase of the whole run is its own title.
  const phase = step.component === undefined ? '' : step.phase;
  const words = { waiting: 'waiting', running: '', done: '', failed: 'failed', skipped: 'skipped' }[
    step.state
  ];
  const head = step.state === 'failed' || step.state === 'running' ? `${phase} ${words}`.trim() : words;
  if (head === '') return message;
  if (step.state === 'waiting' && message.startsWith('waiting')) return message;
  return message === '' ? head : `${head}: ${message}`;
}

export function firstLine(text: string): string {
  return (text.split('\n').find((line) => line.trim() !== '') ?? '').trim();
}

/** Whole seconds that a step has run for; those of a task of a pipeline are known while it runs. */
export function elapsed(step: Step, now: number): number | undefined {
  const ended = step.ended ?? (step.phase === 'run' && step.state === 'running' ? now : undefined);
  if (step.started === undefined || ended === undefined) return undefined;
  return Math.round((ended - step.started) / 1000);
}
