import type { Problem } from './problem.ts';
import { type Token, tokenize } from './tokens.ts';

/** A logical line with the block that belongs to it. */
export interface Statement {
  /** The tokens of the line, without its end. */
  tokens: Token[];
  /** The statements of the indented block below it. */
  block: Statement[];
}

/**
 * Reads source text into logical lines and their blocks (docs.python.org/3/reference/compound_stmts.html).
 *
 * @throws what `problem` makes, when the text cannot be read.
 */
export function readStatements(text: string, problem: Problem): Statement[] {
  const tokens = tokenize(text, problem);
  const top: Statement[] = [];
  const blocks: Statement[][] = [top];
  let current: Token[] = [];
  for (const token of tokens) {
    if (token.type === 'newline') {
      if (current.length > 0) blocks.at(-1)!.push({ tokens: current, block: [] });
      current = [];
    } else if (token.type === 'indent') {
      const owner = blocks.at(-1)!.at(-1);
      if (owner?.tokens.at(-1)?.text !== ':') throw problem(token.start, 'nothing opens a block here');
      blocks.push(owner.block);
    } else if (token.type === 'dedent') blocks.pop();
    else if (token.type !== 'end') current.push(token);
  }
  return top;
}

/** All tokens of statements and of the blocks below them, those in f-strings among them. */
export function* allTokens(statements: readonly Statement[]): Generator<Token[]> {
  for (const { tokens, block } of statements) {
    yield tokens;
    yield* insideStrings(tokens);
    yield* allTokens(block);
  }
}

function* insideStrings(tokens: readonly Token[]): Generator<Token[]> {
  for (const { inside = [] } of tokens) {
    for (const field of inside) {
      yield field;
      yield* insideStrings(field);
    }
  }
}
