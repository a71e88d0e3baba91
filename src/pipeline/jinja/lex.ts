/** Where Jinja looks for expressions: `{{ }}`, or `[[ ]]` for what Ploomber fills in later. */
export interface Delimiters {
  open: string;
  close: string;
}

export const CURLY: Delimiters = { open: '{{', close: '}}' };
export const SQUARE: Delimiters = { open: '[[', close: ']]' };

export interface JinjaToken {
  type: 'name' | 'text' | 'number' | 'op';
  /** The value of a text, the characters of everything else. */
  text: string;
  offset: number;
}

/** Raw text, or what stands between delimiters. */
export type Piece =
  | { type: 'data'; text: string; offset: number }
  | {
      type: 'variable' | 'block';
      tokens: JinjaToken[];
      offset: number;
      trimBefore: boolean;
      trimAfter: boolean;
    };

/** Text that is no Jinja template; `offset` is where. */
export class JinjaSyntax extends Error {
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

const TOKEN =
  /\s+|(?<name>[\p{L}_][\p{L}\p{N}_]*)|(?<number>\d[\d_]*(?:\.\d+(?:[eE][+-]?\d+)?|[eE][+-]?\d+)?)|(?<text>"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*')|(?<op>\*\*|\/\/|==|!=|>=|<=|[-+/*%~[\](){}<>=.:|,;])/uy;

const RAW_BEGIN = /\{%[-+]?\s*raw\s*-?%\}/y;
const RAW_END = /\{%[-+]?\s*endraw\s*[-+]?%\}/g;

/** Splits a template into raw text and the tokens of its expressions and tags; comments go. */
export function lex(text: string, delimiters: Delimiters): Piece[] {
  const pieces: Piece[] = [];
  let begin = 0;
  for (let at = 0; at < text.length; ) {
    const kind = opening(text, at, delimiters);
    if (kind === undefined) {
      at += 1;
      continue;
    }
    if (at > begin) pieces.push({ type: 'data', text: text.slice(begin, at), offset: begin });
    at = piece(text, at, kind, delimiters, pieces);
    begin = at;
  }
  if (begin < text.length) pieces.push({ type: 'data', text: text.slice(begin), offset: begin });
  return pieces;
}

type Kind = 'variable' | 'block' | 'comment';

function opening(text: string, at: number, { open }: Delimiters): Kind | undefined {
  if (text.startsWith(open, at)) return 'variable';
  if (text.startsWith('{%', at)) return 'block';
  return text.startsWith('{#', at) ? 'comment' : undefined;
}

function piece(text: string, at: number, kind: Kind, delimiters: Delimiters, pieces: Piece[]): number {
  if (kind === 'comment') {
    const end = text.indexOf('#}', at + 2);
    if (end < 0) throw new JinjaSyntax('a comment is never closed', at);
    return end + 2;
  }
  RAW_BEGIN.lastIndex = at;
  const raw = kind === 'block' ? RAW_BEGIN.exec(text)?.[0] : undefined;
  if (raw !== undefined) {
    RAW_END.lastIndex = at + raw.length;
    const end = RAW_END.exec(text);
    if (end === null) throw new JinjaSyntax('a raw block is never closed', at);
    pieces.push({ type: 'data', text: text.slice(at + raw.length, end.index), offset: at + raw.length });
    return end.index + end[0].length;
  }
  const close = kind === 'block' ? '%}' : delimiters.close;
  const { tokens, end } = expression(text, at, close);
  const trimAfter = text[end - close.length - 1] === '-';
  pieces.push({ type: kind, tokens, offset: at, trimBefore: text[at + 2] === '-', trimAfter });
  return end;
}

function expression(text: string, start: number, close: string): { tokens: JinjaToken[]; end: number } {
  const tokens: JinjaToken[] = [];
  let depth = 0;
  let at = start + 2;
  if (text[at] === '-' || text[at] === '+') at += 1;
  for (;;) {
    const ending = /^\s*[-+]?/.exec(text.slice(at, at + 200))![0];
    for (const skip of [ending.length, ending.trimEnd().replace(/[-+]$/, '').length])
      if (depth === 0 && text.startsWith(close, at + skip)) return { tokens, end: at + skip + close.length };
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(text);
    if (found === null) throw new JinjaSyntax(unexpected(text, at, start), at < text.length ? at : start);
    const { name, number, text: literal, op } = found.groups ?? {};
    if (op !== undefined) depth += '([{'.includes(op) ? 1 : ')]}'.includes(op) ? -1 : 0;
    if (depth < 0) throw new JinjaSyntax(`"${op}" closes nothing`, at);
    if (name !== undefined) tokens.push({ type: 'name', text: name, offset: at });
    else if (number !== undefined) tokens.push({ type: 'number', text: number, offset: at });
    else if (literal !== undefined) tokens.push({ type: 'text', text: literal, offset: at });
    else if (op !== undefined) tokens.push({ type: 'op', text: op, offset: at });
    at += found[0].length;
  }
}

function unexpected(text: string, at: number, start: number): string {
  if (at >= text.length) return `"${text.slice(start, start + 2)}" is never closed`;
  return `the character ${JSON.stringify(text[at])} cannot stand in an expression of Jinja`;
}
