import { evaluate, tokenize } from './python/index.ts';
import type { PyValue } from './values.ts';

/** What a constant of Python can begin with, blanks aside. */
const CANDIDATE = /^[ \t]*(?:[-+\d.[({'"]|[bBrRuU]{1,2}['"])/;

/** Longer texts are no constants that somebody wrote into a pipeline file. */
const LONGEST = 100_000;

/**
 * The value that Ploomber gives a text of the pipeline file: `true`, `none` and the constants of
 * Python become values, everything else stays as it is.
 */
export function cast(text: string): PyValue {
  const lower = text.toLowerCase();
  if (lower === 'false') return false;
  if (lower === 'true') return true;
  if (lower === 'none' || lower === 'null') return null;
  if (text.length > LONGEST || !CANDIDATE.test(text)) return text;
  try {
    const tokens = tokenize(text.replace(/^[ \t]+/, ''), () => new Error('no constant') as never);
    const last = tokens.findIndex(({ type }) => type === 'newline');
    if (tokens.slice(last + 1).some(({ type }) => type !== 'end')) return text;
    if (tokens.some(({ type, text: part }) => type === 'op' && part === '+' && !/^[ \t]*\+/.test(text)))
      return text;
    return evaluate(tokens.slice(0, last));
  } catch {
    return text;
  }
}
