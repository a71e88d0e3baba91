import type { Problem } from '../python/problem.ts';

/** What a line of R assigns: NULL, the values of `list("a")`, or the names and values of `list(a = "b")`. */
export type RValue = null | string[] | Record<string, string | number>;

type Token = { type: 'name' | 'list' | 'null' | 'assign' | 'text' | 'number' | 'other'; text: string };

const TOKEN =
  /\s+|(?<list>list)|(?<null>NULL)|(?<other>c\(|[(),+*-])|(?<name>[a-zA-Z]+)|(?<assign><-|=)|(?<text>["'][^"']*["']?)|(?<number>\d+)/y;

/**
 * The value that a parameters cell in R gives a variable, read line by line as Ploomber reads it:
 * every line up to the one that matters must assign NULL or a list.
 *
 * @returns undefined when no line assigns the variable.
 */
export function readRVariable(code: string, name: string, problem: Problem): RValue | undefined {
  let offset = 0;
  for (const line of code.split('\n')) {
    if (line !== '' && !line.startsWith('#')) {
      const fail = (message: string) => problem(offset, message);
      const [left, assign, ...right] = lex(line, fail);
      if (left?.type !== 'name') throw fail('a line of R parameters must begin with a name');
      if (assign?.type !== 'assign') throw fail('a line of R parameters must assign a value to a name');
      const value = assignedValue(right, fail);
      if (left.text === name) return value;
    }
    offset += line.length + 1;
  }
  return undefined;
}

function lex(line: string, fail: (message: string) => Error): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < line.length; ) {
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(line);
    if (found === null) throw fail(`the character ${JSON.stringify(line[at])} cannot be read here`);
    at += found[0].length;
    for (const [type, text] of Object.entries(found.groups ?? {})) {
      if (text === undefined) continue;
      const plain = type === 'text' ? text.slice(1).replace(/["']$/, '') : text;
      tokens.push({ type: type as Token['type'], text: plain });
    }
  }
  return tokens;
}

function assignedValue(tokens: Token[], fail: (message: string) => Error): RValue {
  if (tokens[0]?.type === 'null') return null;
  if (tokens[0]?.type !== 'list') throw fail('only NULL and list(...) of constants can be read');
  const elements = tokens.slice(2, -1);
  if (elements.length === 0) throw fail('an empty list cannot be read: write NULL');
  if (elements[0]!.type !== 'name') {
    if (elements.some(({ type }, at) => at % 2 === 0 && type !== 'text'))
      throw fail('only texts can stand in this list');
    return elements.filter((_, at) => at % 2 === 0).map(({ text }) => text);
  }
  const map: Record<string, string | number> = {};
  for (let at = 0; at < elements.length; at += 4) {
    const [key, equals, value] = elements.slice(at, at + 3);
    if (key === undefined || equals?.type !== 'assign' || value === undefined)
      throw fail('this list cannot be read');
    map[key.text] = value.type === 'number' ? Number(value.text) : value.text;
  }
  return map;
}
