import { textOf } from '../python/escapes.ts';
import { PyFloat, type PyValue } from '../values.ts';
import { JinjaSyntax, type JinjaToken } from './lex.ts';

/** An expression of Jinja. Operators stand as they come: nobody here asks which binds stronger. */
export type Expression =
  | { type: 'name'; name: string; offset: number }
  | { type: 'constant'; value: PyValue; offset: number }
  | { type: 'list'; items: Expression[]; offset: number }
  | { type: 'attribute'; of: Expression; name: string; offset: number }
  | { type: 'item'; of: Expression; key: Expression; offset: number }
  | { type: 'call'; of: Expression; args: Expression[]; offset: number }
  | { type: 'filter'; of: Expression; name: string; args: Expression[]; offset: number }
  | { type: 'operators'; operators: string[]; operands: Expression[]; offset: number };

const WORDS = new Set(['and', 'or', 'in', 'not', 'is', 'if', 'else']);
const SIGNS = new Set(['+', '-', '*', '/', '//', '%', '**', '~', '==', '!=', '<', '>', '<=', '>=']);
const NAMED: Record<string, PyValue> = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
};

/** Deeper expressions than this nobody writes. */
const MAX_DEPTH = 100;

/** Reads expressions out of the tokens of one tag. */
export class ExpressionReader {
  readonly tokens: readonly JinjaToken[];
  at = 0;
  private depth = 0;
  private readonly end: number;
  constructor(tokens: readonly JinjaToken[], end: number) {
    this.tokens = tokens;
    this.end = end;
  }

  get next(): JinjaToken | undefined {
    return this.tokens[this.at];
  }

  is(...texts: string[]): boolean {
    const { next } = this;
    return next !== undefined && next.type !== 'text' && texts.includes(next.text);
  }

  take(...texts: string[]): boolean {
    if (!this.is(...texts)) return false;
    this.at += 1;
    return true;
  }

  expect(text: string): void {
    if (!this.take(text)) this.fail(`"${text}" is missing here`);
  }

  name(): string {
    const { next } = this;
    if (next?.type !== 'name') return this.fail('a name is missing here');
    this.at += 1;
    return next.text;
  }

  fail(message = 'this is no expression of Jinja'): never {
    throw new JinjaSyntax(message, this.next?.offset ?? this.end);
  }

  /** @param stop words that end the expression, such as `if` after the list of a loop. */
  expression(...stop: string[]): Expression {
    if (++this.depth > MAX_DEPTH) this.fail('it is nested too deeply');
    const operands = [this.operand()];
    const operators: string[] = [];
    while (this.next !== undefined && !this.is(...stop) && this.isOperator()) {
      operators.push(this.next.text);
      this.at += 1;
      if (operators.at(-1) === 'is') this.take('not');
      if (operators.at(-1) === 'not') this.expect('in');
      operands.push(operators.at(-1) === 'is' ? this.test() : this.operand());
    }
    this.depth -= 1;
    const offset = operands[0]!.offset;
    return operators.length === 0 ? operands[0]! : { type: 'operators', operators, operands, offset };
  }

  private isOperator(): boolean {
    const { type, text } = this.next!;
    return type === 'op' ? SIGNS.has(text) : type === 'name' && WORDS.has(text);
  }

  /** `x is divisibleby 3`: the argument may stand without parentheses. */
  private test(): Expression {
    const offset = this.next?.offset ?? this.end;
    this.name();
    while (this.take('.')) this.name();
    const { next } = this;
    const bare =
      next !== undefined && ['name', 'text', 'number'].includes(next.type) && !WORDS.has(next.text);
    const items = this.is('(') ? this.args() : bare || this.is('[', '{') ? [this.operand()] : [];
    return { type: 'list', items, offset };
  }

  private operand(): Expression {
    const offset = this.next?.offset ?? this.end;
    if (this.is('not', '-', '+')) {
      const operators = [this.next!.text];
      this.at += 1;
      if (++this.depth > MAX_DEPTH) this.fail('it is nested too deeply');
      const operand = this.operand();
      this.depth -= 1;
      return { type: 'operators', operators, operands: [operand], offset };
    }
    let value = this.primary();
    for (;;) {
      const at = this.next?.offset ?? this.end;
      if (this.take('.')) value = this.attribute(value, at);
      else if (this.take('[')) value = { type: 'item', of: value, key: this.key(), offset: value.offset };
      else if (this.is('(')) value = { type: 'call', of: value, args: this.args(), offset: value.offset };
      else if (this.take('|')) value = this.filter(value, at);
      else return value;
    }
  }

  private attribute(of: Expression, at: number): Expression {
    if (this.next?.type === 'number') {
      const key: Expression = { type: 'constant', value: Number(this.next.text), offset: at };
      this.at += 1;
      return { type: 'item', of, key, offset: of.offset };
    }
    return { type: 'attribute', of, name: this.name(), offset: of.offset };
  }

  private filter(of: Expression, offset: number): Expression {
    let name = this.name();
    while (this.take('.')) name += `.${this.name()}`;
    return { type: 'filter', of, name, args: this.is('(') ? this.args() : [], offset };
  }

  /** What stands in brackets: a key, several, or a slice. */
  private key(): Expression {
    const offset = this.next?.offset ?? this.end;
    const items: Expression[] = [];
    let plain = true;
    while (!this.take(']')) {
      if (this.take(',', ':')) plain = false;
      else items.push(this.expression());
      if (this.next === undefined) this.fail();
    }
    return plain && items.length === 1 ? items[0]! : { type: 'list', items, offset };
  }

  args(): Expression[] {
    const items: Expression[] = [];
    this.expect('(');
    while (!this.take(')')) {
      this.take('*', '**');
      if (this.next?.type === 'name' && this.tokens[this.at + 1]?.text === '=') this.at += 2;
      items.push(this.expression());
      if (!this.take(',') && !this.is(')')) this.fail();
    }
    return items;
  }

  private primary(): Expression {
    const token = this.next;
    if (token === undefined) return this.fail('an expression is missing here');
    const { offset, text } = token;
    this.at += 1;
    if (token.type === 'name')
      return Object.hasOwn(NAMED, text)
        ? { type: 'constant', value: NAMED[text]!, offset }
        : { type: 'name', name: text, offset };
    if (token.type === 'number') return { type: 'constant', value: numeral(text), offset };
    if (token.type === 'text') return this.texts(token);
    if (text === '(') return this.sequence(')', offset);
    if (text === '[') return this.sequence(']', offset);
    if (text === '{') return this.sequence('}', offset);
    this.at -= 1;
    return this.fail();
  }

  private texts(first: JinjaToken): Expression {
    let value = textOf(first.text);
    for (; this.next?.type === 'text'; this.at += 1) value += textOf(this.next.text);
    return { type: 'constant', value, offset: first.offset };
  }

  private sequence(closing: string, offset: number): Expression {
    const items: Expression[] = [];
    let comma = closing !== ')';
    while (!this.take(closing)) {
      items.push(this.expression());
      if (closing === '}') {
        this.expect(':');
        items.push(this.expression());
      }
      if (this.take(',')) comma = true;
      else if (!this.is(closing)) this.fail(`"${closing}" is missing here`);
    }
    return items.length === 1 && !comma ? items[0]! : { type: 'list', items, offset };
  }
}

function numeral(text: string): PyValue {
  const digits = text.replaceAll('_', '');
  return /[.eE]/.test(digits) ? new PyFloat(Number(digits)) : Number(digits);
}
