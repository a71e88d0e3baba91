import type { Problem } from './problem.ts';
import type { Token } from './tokens.ts';

/** Reads the expression of a replacement field that begins at an offset. */
export type ReadField = (at: number) => { tokens: Token[]; end: number };

/** F-strings in f-strings deeper than this nobody writes. */
const MAX_NESTED = 20;
let nested = 0;

/**
 * Finds the end of a string literal.
 *
 * @param at where its prefix begins; `prefix` ends with its quotes.
 * @returns the offset behind it and, for f-strings, the tokens of its replacement fields.
 */
export function scanString(
  text: string,
  at: number,
  prefix: string,
  readField: ReadField,
  problem: Problem,
): { end: number; inside?: Token[][] } {
  const quotes = /["']+$/.exec(prefix)![0];
  const letters = prefix.slice(0, -quotes.length).toLowerCase();
  const formatted = /[ft]/.test(letters);
  if (formatted && nested >= MAX_NESTED) throw problem(at, 'it is nested too deeply');
  nested += 1;
  try {
    const inside: Token[][] = [];
    const end = body(
      { text, quotes, raw: letters.includes('r'), formatted, problem, readField, inside },
      at + prefix.length,
      at,
    );
    return formatted ? { end, inside } : { end };
  } finally {
    nested -= 1;
  }
}

interface Literal {
  text: string;
  quotes: string;
  raw: boolean;
  formatted: boolean;
  problem: Problem;
  readField: ReadField;
  inside: Token[][];
}

function body(literal: Literal, from: number, start: number): number {
  const { text, quotes, formatted, problem } = literal;
  for (let at = from; at < text.length; ) {
    if (text.startsWith(quotes, at)) return at + quotes.length;
    const char = text[at]!;
    if (char === '\\') at += escapeLength(literal, at);
    else if (quotes.length === 1 && (char === '\n' || char === '\r')) break;
    else if (formatted && char === '{' && text[at + 1] === '{') at += 2;
    else if (formatted && char === '{') at = field(literal, at);
    else at += 1;
  }
  throw problem(start, 'this text is never closed');
}

function escapeLength({ text, raw, formatted }: Literal, at: number): number {
  // The name of a character is no replacement field, and a backslash takes no brace with it.
  if (formatted && !raw && text.startsWith('N{', at + 1)) {
    const close = text.indexOf('}', at);
    return close < 0 ? 2 : close + 1 - at;
  }
  if (formatted && (text[at + 1] === '{' || text[at + 1] === '}')) return 1;
  return text.startsWith('\r\n', at + 1) ? 3 : 2;
}

/** A replacement field: an expression, then perhaps `=`, `!r` and a format that may hold fields. */
function field(literal: Literal, open: number): number {
  const { text, problem, readField, inside } = literal;
  const { tokens, end } = readField(open + 1);
  inside.push(tokens);
  let at = end;
  if (text[at] === '!') at += /^!\s*\w*\s*/.exec(text.slice(at, at + 40))?.[0].length ?? 1;
  if (text[at] === ':') at = format(literal, at + 1);
  if (text[at] !== '}') throw problem(open, 'a "{" in this f-string is never closed');
  return at + 1;
}

function format(literal: Literal, from: number): number {
  const { text, quotes, problem } = literal;
  for (let at = from; at < text.length; ) {
    if (text[at] === '}') return at;
    if (text[at] === '{' && text[at + 1] !== '{') at = field(literal, at);
    else if (quotes.length === 1 && (text[at] === '\n' || text.startsWith(quotes, at))) break;
    else at += text[at] === '{' ? 2 : 1;
  }
  throw problem(from, 'a "{" in this f-string is never closed');
}
