import { isMap, PyFloat, type PyMap, PyOther, PySequence, type PyValue } from '../values.ts';
import { textOf } from './escapes.ts';
import type { Token } from './tokens.ts';

/** What is not a constant; `at` is the first token that is none. */
export class NotConstant extends Error {
  readonly at: Token | undefined;
  constructor(at: Token | undefined) {
    super('not a constant');
    this.at = at;
  }
}

/**
 * Evaluates what `ast.literal_eval` evaluates (texts, numbers, True, False, None, lists, tuples,
 * sets and dictionaries of them), and `+` between constants.
 *
 * @throws {NotConstant} for everything else: no name is looked up, and nothing is called.
 */
export function evaluate(tokens: readonly Token[]): PyValue {
  const reader = new Reader(tokens);
  const value = reader.display();
  reader.done();
  return value;
}

class Reader {
  private readonly tokens: readonly Token[];
  private at = 0;
  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  done(): void {
    if (this.at < this.tokens.length) this.fail();
  }

  /** An expression, or several with commas between: a tuple without parentheses. */
  display(): PyValue {
    const first = this.sum();
    if (this.peek() !== ',') return first;
    const items = [first];
    while (this.take(',')) if (this.more()) items.push(this.sum());
    return new PySequence('tuple', items);
  }

  private more(): boolean {
    const token = this.tokens[this.at];
    return token !== undefined && !(token.type === 'op' && ')]}'.includes(token.text));
  }

  private sum(): PyValue {
    let value = this.signed();
    while (this.peek() === '+') {
      const plus = this.tokens[this.at++];
      value = add(value, this.signed(), plus);
    }
    return value;
  }

  private signed(): PyValue {
    const sign = this.peek();
    if (sign !== '-' && sign !== '+') return this.atom();
    const token = this.tokens[this.at++];
    const value = this.signed();
    if (value instanceof PyFloat) return sign === '-' ? new PyFloat(-value.value) : value;
    if (typeof value !== 'number' && typeof value !== 'bigint') throw new NotConstant(token);
    return sign === '-' ? -value : value;
  }

  private atom(): PyValue {
    const token = this.tokens[this.at];
    if (token === undefined) return this.fail();
    if (token.type === 'string') return this.text();
    if (token.type === 'number') {
      this.at += 1;
      return numeral(token);
    }
    if (token.type === 'name') return this.word(token);
    if (this.take('(')) return this.parenthesis();
    if (this.take('[')) return this.items(']');
    if (this.take('{')) return this.braces();
    return this.fail();
  }

  private word(token: Token): PyValue {
    const known: Record<string, boolean | null> = { None: null, True: true, False: false };
    if (!Object.hasOwn(known, token.text)) return this.fail();
    this.at += 1;
    return known[token.text]!;
  }

  private text(): PyValue {
    const parts: string[] = [];
    let bytes = false;
    for (;;) {
      const token = this.tokens[this.at];
      if (token?.type !== 'string') break;
      const letters = /^[a-zA-Z]*/.exec(token.text)![0].toLowerCase();
      if (/[ft]/.test(letters) && (token.inside ?? []).length > 0) this.fail();
      if (letters.includes('t')) this.fail();
      bytes = letters.includes('b');
      parts.push(textOf(token.text));
      this.at += 1;
    }
    return bytes ? new PyOther('bytes', `b'${parts.join('')}'`) : parts.join('');
  }

  private parenthesis(): PyValue {
    if (this.take(')')) return new PySequence('tuple', []);
    const value = this.display();
    this.expect(')');
    return value;
  }

  private items(closing: string): PyValue[] {
    const items: PyValue[] = [];
    while (!this.take(closing)) {
      items.push(this.sum());
      if (this.take(',')) continue;
      this.expect(closing);
      break;
    }
    return items;
  }

  private braces(): PyValue {
    if (this.take('}')) return {};
    const start = this.at;
    const first = this.sum();
    if (this.peek() !== ':') {
      this.at = start;
      const items = this.items('}');
      // As in Python, lists, sets and dictionaries cannot be in a set.
      if (items.some((item) => Array.isArray(item) || isMap(item) || isSet(item))) this.fail();
      return new PySequence('set', items);
    }
    const map: PyMap = {};
    for (let key = first; ; key = this.sum()) {
      if (typeof key !== 'string' || key === '__proto__') this.fail();
      this.expect(':');
      map[key as string] = this.sum();
      if (!this.take(',')) {
        this.expect('}');
        return map;
      }
      if (this.take('}')) return map;
    }
  }

  private peek(): string | undefined {
    const token = this.tokens[this.at];
    return token?.type === 'op' ? token.text : undefined;
  }

  private take(text: string): boolean {
    if (this.peek() !== text) return false;
    this.at += 1;
    return true;
  }

  private expect(text: string): void {
    if (!this.take(text)) this.fail();
  }

  private fail(): never {
    throw new NotConstant(this.tokens[this.at] ?? this.tokens.at(-1));
  }
}

function isSet(value: PyValue): boolean {
  return value instanceof PySequence && value.kind === 'set';
}

function add(left: PyValue, right: PyValue, at: Token | undefined): PyValue {
  if (typeof left === 'string' && typeof right === 'string') return left + right;
  if (Array.isArray(left) && Array.isArray(right)) return [...left, ...right];
  if (
    left instanceof PySequence &&
    right instanceof PySequence &&
    left.kind === 'tuple' &&
    right.kind === 'tuple'
  )
    return new PySequence('tuple', [...left.items, ...right.items]);
  throw new NotConstant(at);
}

function numeral(token: Token): PyValue {
  const text = token.text.replaceAll('_', '').toLowerCase();
  if (text.endsWith('j')) throw new NotConstant(token);
  if (/^0[xob]/.test(text)) return whole(BigInt(text));
  if (/[.e]/.test(text)) return new PyFloat(Number(text));
  if (/^0\d*[1-9]/.test(text)) throw new NotConstant(token);
  return whole(BigInt(text));
}

function whole(value: bigint): PyValue {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}
