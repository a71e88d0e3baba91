import type { PyValue } from '../values.ts';
import type { Expression } from './expression.ts';
import { inside, type Template } from './template.ts';

/** A use of `{{ upstream.x }}` or `{{ upstream['x'] }}`; `name` is undefined when it is no constant. */
export interface Access {
  name: string | undefined;
  offset: number;
}

/** Every attribute and item of a variable that a template asks for, wherever it stands. */
export function accesses({ expressions }: Template, variable: string): Access[] {
  const found: Access[] = [];
  for (const expression of expressions) {
    for (const part of inside(expression)) {
      if (part.type !== 'attribute' && part.type !== 'item') continue;
      if (part.of.type !== 'name' || part.of.name !== variable) continue;
      const value = part.type === 'attribute' ? part.name : constantOf(part.key);
      found.push({ name: typeof value === 'string' ? value : undefined, offset: part.offset });
    }
  }
  return found;
}

/** The value of a constant expression: texts, numbers, lists of them, texts that are joined. */
export function constantOf(expression: Expression): PyValue | undefined {
  if (expression.type === 'constant') return expression.value;
  if (expression.type === 'list') {
    const items = expression.items.map(constantOf);
    return items.includes(undefined) ? undefined : (items as PyValue[]);
  }
  if (expression.type !== 'operators') return undefined;
  const { operators, operands } = expression;
  const values = operands.map(constantOf);
  const joins = operators.every((sign) => sign === '~' || sign === '+');
  if (!joins || operands.length !== operators.length + 1) return undefined;
  return values.every((value) => typeof value === 'string') ? values.join('') : undefined;
}
