import type { Problem } from './problem.ts';
import { scanString } from './strings.ts';

/**
 * The lexical grammar of Python 3.14 (docs.python.org/3/reference/lexical_analysis.html), which is
 * all that decides where statements, blocks, strings and comments begin and end.
 */
export interface Token {
  type: 'name' | 'number' | 'string' | 'op' | 'newline' | 'indent' | 'dedent' | 'end';
  text: string;
  start: number;
  end: number;
  /** Expressions in the replacement fields of an f-string, as tokens. */
  inside?: Token[][];
}

const SPACES = /[ \t\f]*/y;
const BLANKS = /\s*/y;
const NAME = /[\p{XID_Start}_][\p{XID_Continue}]*/uy;
const NUMBER =
  /0[xX](?:_?[\da-fA-F])+|0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|(?:\d(?:_?\d)*\.?(?:\d(?:_?\d)*)?|\.\d(?:_?\d)*)(?:[eE][+-]?\d(?:_?\d)*)?[jJ]?/y;
const OPERATOR =
  /\*\*=|\/\/=|>>=|<<=|\.\.\.|->|:=|!=|<=|>=|==|\+=|-=|\*=|\/=|%=|@=|&=|\|=|\^=|\*\*|\/\/|<<|>>|[-+*/%@&|^~<>()[\]{},:.;=!]/y;
const STRING = /(?:[rR][bBfFtT]?|[bB][rR]?|[uU]|[fFtT][rR]?)?(?:"""|'''|"|')/y;
const CLOSING: Record<string, string> = { ')': '(', ']': '[', '}': '{' };

/** Deeper brackets than this nobody writes. */
const MAX_DEPTH = 200;

/**
 * Splits source text into tokens, with an `end` token last.
 *
 * @throws {PythonProblem} with the offset of what cannot be read.
 */
export function tokenize(text: string, problem: Problem): Token[] {
  return new Scanner(text, problem).file();
}

function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

class Scanner {
  readonly text: string;
  readonly problem: Problem;
  private at = 0;
  private readonly tokens: Token[] = [];
  private readonly brackets: Array<{ open: string; at: number }> = [];
  private readonly indents = [0];

  constructor(text: string, problem: Problem, at = 0) {
    this.text = text;
    this.problem = problem;
    this.at = text.charCodeAt(at) === 0xfeff ? at + 1 : at;
  }

  private readonly readField = (at: number) => new Scanner(this.text, this.problem, at).field();

  file(): Token[] {
    while (this.at < this.text.length) this.line();
    const last = this.tokens.at(-1);
    if (last !== undefined && last.type !== 'newline' && last.type !== 'dedent')
      this.push('newline', this.text.length);
    this.dedentTo(0);
    this.push('end', this.text.length);
    return this.tokens;
  }

  /** One logical line: brackets, strings and backslashes join physical ones. */
  private line(): void {
    const begin = this.at;
    this.at += match(SPACES, this.text, this.at)!.length;
    const next = this.text[this.at];
    // No statement begins with %, ! or ?: these are commands of a notebook, which Python never sees.
    if (next === undefined || '#\n\r%!?'.includes(next)) {
      this.skipRest();
      return;
    }
    if (!(next === '\\' && /^\\\r?\n/.test(this.text.slice(this.at, this.at + 3))))
      this.indentTo(width(this.text.slice(begin, this.at)));
    while (this.at < this.text.length) if (this.token()) return;
    const open = this.brackets.at(-1);
    if (open !== undefined) throw this.problem(open.at, `"${open.open}" is never closed`);
  }

  /** @returns whether the logical line has ended. */
  private token(): boolean {
    this.at += match(SPACES, this.text, this.at)!.length;
    const char = this.text[this.at];
    if (char === undefined) return false;
    if (char === '#') {
      while (this.at < this.text.length && !isLineEnd(this.text[this.at])) this.at += 1;
      return false;
    }
    if (isLineEnd(char)) {
      const length = char === '\r' && this.text[this.at + 1] === '\n' ? 2 : 1;
      if (this.brackets.length === 0) this.push('newline', this.at + length);
      this.at += length;
      return this.brackets.length === 0;
    }
    if (char === '\\') {
      const joined = /^\\(\r\n|\n|\r)/.exec(this.text.slice(this.at, this.at + 3));
      if (joined === null) throw this.problem(this.at, 'a backslash can only stand at the end of a line');
      this.at += joined[0].length;
      return false;
    }
    this.word();
    return false;
  }

  private word(): void {
    const prefix = match(STRING, this.text, this.at);
    if (prefix !== undefined) {
      const { end, inside } = scanString(this.text, this.at, prefix, this.readField, this.problem);
      this.push('string', end, inside);
      this.at = end;
      return;
    }
    for (const [type, pattern] of [
      ['name', NAME],
      ['number', NUMBER],
      ['op', OPERATOR],
    ] as const) {
      const found = match(pattern, this.text, this.at);
      if (found === undefined || found === '') continue;
      if (type === 'op') this.bracket(found);
      this.push(type, this.at + found.length);
      this.at += found.length;
      return;
    }
    throw this.problem(this.at, `the character ${JSON.stringify(this.text[this.at])} cannot stand here`);
  }

  private bracket(text: string): void {
    if ('([{'.includes(text)) {
      if (this.brackets.length >= MAX_DEPTH) throw this.problem(this.at, 'it is nested too deeply');
      this.brackets.push({ open: text, at: this.at });
    }
    const wanted = CLOSING[text];
    if (wanted === undefined) return;
    if (this.brackets.pop()?.open !== wanted) throw this.problem(this.at, `"${text}" closes nothing`);
  }

  private skipRest(): void {
    while (this.at < this.text.length && !isLineEnd(this.text[this.at])) this.at += 1;
    this.at += this.text.startsWith('\r\n', this.at) ? 2 : 1;
  }

  private indentTo(columns: number): void {
    const current = this.indents.at(-1)!;
    if (columns > current) {
      this.indents.push(columns);
      this.push('indent', this.at);
      return;
    }
    this.dedentTo(columns);
    if (this.indents.at(-1) !== columns)
      throw this.problem(this.at, 'this line is indented like no block around it');
  }

  private dedentTo(columns: number): void {
    while (this.indents.at(-1)! > columns) {
      this.indents.pop();
      this.push('dedent', this.at);
    }
  }

  private push(type: Token['type'], end: number, inside?: Token[][]): void {
    const start = type === 'end' || type === 'indent' || type === 'dedent' ? end : this.at;
    this.tokens.push({ type, text: this.text.slice(start, end), start, end, inside });
  }

  /**
   * The tokens of a replacement field of an f-string, up to the `}`, `!` or `:` that ends it.
   *
   * @returns the tokens and the offset of what ends them.
   */
  field(): { tokens: Token[]; end: number } {
    for (;;) {
      this.at += match(BLANKS, this.text, this.at)!.length;
      const char = this.text[this.at];
      if (char === undefined) throw this.problem(this.at, 'a "{" in this f-string is never closed');
      if (char === '#') {
        this.skipRest();
        continue;
      }
      const ends = char === '}' || char === ':' || (char === '!' && this.text[this.at + 1] !== '=');
      if (this.brackets.length === 0 && ends) return { tokens: this.tokens, end: this.at };
      if (char === '\\') throw this.problem(this.at, 'a backslash cannot stand in this f-string');
      this.word();
    }
  }
}

function isLineEnd(char: string | undefined): boolean {
  return char === '\n' || char === '\r';
}

/** Tabs go to the next column that 8 divides; a form feed begins anew. */
function width(blanks: string): number {
  let columns = 0;
  for (const char of blanks) {
    if (char === '\t') columns += 8 - (columns % 8);
    else if (char === '\f') columns = 0;
    else columns += 1;
  }
  return columns;
}
