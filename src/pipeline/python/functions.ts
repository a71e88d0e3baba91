import type { Statement } from './statements.ts';

/** How a module defines a name last. */
export type Definition =
  | { kind: 'function'; statements: Statement[]; offset: number }
  | { kind: 'import' | 'other'; offset: number };

/** Blocks that belong to the module's own scope, as those of functions and classes do not. */
const OPEN_BLOCKS = new Set('if elif else for while try except finally with match case async'.split(' '));

/** The last definition of a name in a module: a function comes with its decorators. */
export function findDefinition(module: readonly Statement[], name: string): Definition | undefined {
  let found: Definition | undefined;
  let decorators: Statement[] = [];
  for (const statement of module) {
    const { tokens, block } = statement;
    const first = tokens[0]!;
    if (first.text === '@') {
      decorators.push(statement);
      continue;
    }
    const word = first.text === 'async' ? tokens[1] : first;
    const named = tokens[first.text === 'async' ? 2 : 1];
    if (word?.text === 'def' && named?.text === name) {
      const statements = [...decorators, statement];
      found = { kind: 'function', statements, offset: statements[0]!.tokens[0]!.start };
    } else if (word?.text === 'class' && named?.text === name) found = { kind: 'other', offset: first.start };
    else if (first.type === 'name' && OPEN_BLOCKS.has(first.text))
      found = findDefinition(block, name) ?? found;
    else found = byStatement(statement, name) ?? found;
    decorators = [];
  }
  return found;
}

function byStatement({ tokens }: Statement, name: string): Definition | undefined {
  const first = tokens[0]!;
  if (first.text === 'from' || first.text === 'import') {
    const last = tokens.findLastIndex(({ text }) => text === name);
    const bound = last > 0 && tokens[last + 1]?.text !== 'as' && tokens[last - 1]?.text !== 'from';
    const module = first.text === 'from' && last < tokens.findIndex(({ text }) => text === 'import');
    return bound && !module ? { kind: 'import', offset: first.start } : undefined;
  }
  if (first.text === name && tokens[1]?.text === '=') return { kind: 'other', offset: first.start };
  return undefined;
}
