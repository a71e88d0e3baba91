import { isMap, PySequence, type PyValue } from '../values.ts';
import { evaluate, NotConstant } from './literal.ts';
import type { Problem } from './problem.ts';
import { allTokens, readStatements, type Statement } from './statements.ts';
import type { Token } from './tokens.ts';

/** A value that is stated in source text; `start` and `end` are offsets of the expression. */
export interface Stated {
  value: PyValue;
  start: number;
  end: number;
}

/** Assignments of a variable that the graph's author cannot have meant to be read. */
const ODD: Record<string, string> = {
  annotated: 'is assigned with a type annotation, which Ploomber cannot read',
  several: 'is assigned together with other names, which Ploomber cannot read',
  behind: 'is not the first statement of its line, and Ploomber reads only the first',
};

/**
 * The value of a variable that top-level statements of a parameters cell assign; the last one counts.
 *
 * @returns undefined when nothing assigns it.
 * @throws what `problem` makes, when the value is not a constant.
 */
export function readVariable(text: string, name: string, problem: Problem): Stated | undefined {
  let found: Stated | undefined;
  for (const { tokens } of readStatements(text, problem)) {
    const parts = splitAt(tokens, ';');
    for (const part of parts.slice(1)) {
      if (assigned(part, name) !== undefined) throw problem(part[0]!.start, `${name} ${ODD.behind}`);
    }
    const first = parts[0] ?? [];
    const kind = assigned(first, name);
    if (kind === undefined) continue;
    if (kind !== 'plain') throw problem(first[0]!.start, `${name} ${ODD[kind]}`);
    found = constant(first.slice(2), name, problem);
  }
  return found;
}

function constant(tokens: Token[], name: string, problem: Problem): Stated {
  const start = tokens[0]?.start ?? 0;
  try {
    return { value: evaluate(tokens), start, end: tokens.at(-1)?.end ?? start };
  } catch (error) {
    if (!(error instanceof NotConstant)) throw error;
    throw problem(error.at?.start ?? start, `the value of ${name} is not a constant`);
  }
}

/** How a simple statement assigns the variable. */
function assigned(tokens: readonly Token[], name: string): 'plain' | 'annotated' | 'several' | undefined {
  const targets = splitAt(tokens, '=', '+=', '-=', '*=', '|=', '&=');
  const hits = (part: readonly Token[]) =>
    part.some(({ type, text }, at) => type === 'name' && text === name && part[at + 1]?.text !== '[');
  if (tokens[0]?.text === name && tokens[1]?.text === ':') return 'annotated';
  if (targets.length < 2) return undefined;
  const plain = targets.length === 2 && targets[0]!.length === 1 && targets[0]![0]!.text === name;
  if (plain) return tokens[1]?.text === '=' ? 'plain' : 'several';
  return targets.slice(0, -1).some(hits) ? 'several' : undefined;
}

/** Splits where one of the operators stands outside of brackets. */
function splitAt(tokens: readonly Token[], ...operators: string[]): Token[][] {
  const parts: Token[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (token.type === 'op' && '([{'.includes(token.text)) depth += 1;
    if (token.type === 'op' && ')]}'.includes(token.text)) depth -= 1;
    if (depth === 0 && token.type === 'op' && operators.includes(token.text)) parts.push([]);
    else parts.at(-1)!.push(token);
  }
  return parts;
}

/** The names in a value of `upstream`: of a list, tuple or set, or the keys of a dictionary. */
export function upstreamNames(value: PyValue): string[] | undefined {
  if (value === null) return [];
  const items = Array.isArray(value)
    ? value
    : value instanceof PySequence
      ? value.items
      : isMap(value)
        ? Object.keys(value)
        : undefined;
  return items?.every((item) => typeof item === 'string') ? [...new Set(items as string[])] : undefined;
}

/** A use of `upstream["name"]` in a function; `name` is undefined when it is not a constant. */
export interface Use {
  name: string | undefined;
  offset: number;
}

/** Every `upstream[...]` in statements, in nested functions and f-strings too. */
export function upstreamUses(statements: readonly Statement[], name = 'upstream'): Use[] {
  return [...allTokens(statements)].flatMap((tokens) =>
    tokens.flatMap((token, at) => {
      if (token.type !== 'name' || token.text !== name || tokens[at - 1]?.text === '.') return [];
      const open = afterParentheses(tokens, at);
      if (tokens[open]?.text === '.' && tokens[open + 1]?.text === 'get' && tokens[open + 2]?.text === '(')
        return [{ name: undefined, offset: token.start }];
      if (tokens[open]?.text !== '[') return [];
      return [{ name: index(tokens, open), offset: token.start }];
    }),
  );
}

/** `(upstream)["x"]` is a use too, `call(upstream)["x"]` is none. */
function afterParentheses(tokens: readonly Token[], at: number): number {
  let [before, after] = [at - 1, at + 1];
  for (; tokens[before]?.text === '(' && tokens[after]?.text === ')'; before -= 1, after += 1) {
    const callee = tokens[before - 1];
    if (callee?.type === 'string' || callee?.text === ')' || callee?.text === ']') return -1;
    if (callee?.type === 'name' && !KEYWORDS.has(callee.text)) return -1;
  }
  return after;
}

const KEYWORDS = new Set(
  'and as assert await del elif else for from if in is lambda not or return while with yield'.split(' '),
);

/** The text in brackets that begin at `open`, when it is a constant text. */
function index(tokens: readonly Token[], open: number): string | undefined {
  let depth = 0;
  for (let at = open; at < tokens.length; at += 1) {
    const { type, text } = tokens[at]!;
    if (type === 'op' && '([{'.includes(text)) depth += 1;
    if (type === 'op' && ')]}'.includes(text)) depth -= 1;
    if (depth > 0) continue;
    return plainText(tokens.slice(open + 1, at));
  }
  return undefined;
}

function plainText(tokens: readonly Token[]): string | undefined {
  // Ploomber sees a plain text only: no sum of texts.
  if (tokens.some(({ type, text }) => type !== 'string' && text !== '(' && text !== ')')) return undefined;
  try {
    const value = evaluate(tokens);
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}
