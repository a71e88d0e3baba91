/** `unknown`: there was no looking, for instance without the right to. */
export type Verdict = 'ok' | 'warning' | 'error' | 'unknown';

/** One thing that was looked at. */
export interface Observation {
  state: Verdict;
  /** One sentence. */
  what: string;
  /** A file, an object, an address. */
  where?: string;
  /** What to do about it; a command where there is one, in backticks. */
  remedy?: string;
}

type More = Pick<Observation, 'where' | 'remedy'>;

export function ok(what: string, more: More = {}): Observation {
  return { state: 'ok', what, ...more };
}

export function warning(what: string, more: More = {}): Observation {
  return { state: 'warning', what, ...more };
}

export function wrong(what: string, more: More = {}): Observation {
  return { state: 'error', what, ...more };
}

export function unknown(what: string, more: More = {}): Observation {
  return { state: 'unknown', what, ...more };
}

/** The worst of them; what is not known is no worse than well. */
export function worst(observations: readonly Observation[]): 'ok' | 'warning' | 'error' {
  const states = new Set(observations.map(({ state }) => state));
  return states.has('error') ? 'error' : states.has('warning') ? 'warning' : 'ok';
}
