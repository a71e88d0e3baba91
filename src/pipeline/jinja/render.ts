import { isMap, PySequence, type PyValue, pyStr } from '../values.ts';
import { constantOf } from './access.ts';
import type { Expression } from './expression.ts';
import { JinjaSyntax } from './lex.ts';
import type { Template } from './template.ts';

/** Asks for the value of a name; undefined when there is none. */
export type Lookup = (name: string) => PyValue | undefined;

const FILTERS: Record<string, (value: PyValue, args: PyValue[]) => PyValue> = {
  upper: (value) => pyStr(value).toUpperCase(),
  lower: (value) => pyStr(value).toLowerCase(),
  trim: (value) => pyStr(value).trim(),
  string: (value) => pyStr(value),
  replace: (value, [from, to]) => pyStr(value).replaceAll(pyStr(from ?? ''), pyStr(to ?? '')),
  default: (value) => value,
};

/**
 * Fills in a template that holds only expressions. Values are printed as Python prints them.
 *
 * @throws {JinjaSyntax} for tags and for what would need Jinja itself.
 */
export function fillIn({ pieces, expressions }: Template, lookup: Lookup): string {
  const texts: string[] = [];
  let next = 0;
  let trim = false;
  for (const piece of pieces) {
    if (piece.type === 'data') {
      texts.push(trim ? piece.text.trimStart() : piece.text);
      trim = false;
      continue;
    }
    if (piece.type === 'block')
      throw new JinjaSyntax('only {{ placeholders }} can be filled in here, not {% tags %}', piece.offset);
    if (piece.trimBefore && texts.length > 0) texts.push(texts.pop()!.trimEnd());
    texts.push(pyStr(evaluated(expressions[next++]!, lookup)));
    trim = piece.trimAfter;
  }
  // Jinja drops the line end at the end of a template.
  return texts.join('').replace(/\r?\n$/, '');
}

function evaluated(expression: Expression, lookup: Lookup): PyValue {
  const constant = constantOf(expression);
  if (constant !== undefined) return constant;
  if (expression.type === 'name') return known(lookup(expression.name), expression.name, expression);
  if (expression.type === 'attribute')
    return known(member(evaluated(expression.of, lookup), expression.name), expression.name, expression);
  if (expression.type === 'item') {
    const key = evaluated(expression.key, lookup);
    return known(member(evaluated(expression.of, lookup), key), pyStr(key), expression);
  }
  const filter = expression.type === 'filter' ? FILTERS[expression.name] : undefined;
  if (expression.type === 'filter' && filter !== undefined)
    return filter(
      evaluated(expression.of, lookup),
      expression.args.map((arg) => evaluated(arg, lookup)),
    );
  if (expression.type === 'operators' && expression.operators.every((sign) => sign === '~'))
    return expression.operands.map((operand) => pyStr(evaluated(operand, lookup))).join('');
  throw new JinjaSyntax(
    'this would need Jinja itself: only names and their parts are filled in',
    expression.offset,
  );
}

function known(value: PyValue | undefined, name: string, { offset }: Expression): PyValue {
  if (value === undefined) throw new JinjaSyntax(`"${name}" has no value`, offset);
  return value;
}

function member(value: PyValue, key: PyValue): PyValue | undefined {
  if (isMap(value)) return Object.hasOwn(value, String(key)) ? value[String(key)] : undefined;
  const items = value instanceof PySequence ? value.items : Array.isArray(value) ? value : undefined;
  return typeof key === 'number' ? items?.at(key) : undefined;
}
