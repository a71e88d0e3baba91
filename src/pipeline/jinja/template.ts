import { type Expression, ExpressionReader } from './expression.ts';
import { CURLY, type Delimiters, JinjaSyntax, lex, type Piece } from './lex.ts';

/** A template that was read, not filled in. */
export interface Template {
  pieces: Piece[];
  /** Every expression in it, in order. */
  expressions: Expression[];
  /** Names that the template gives a value itself. */
  assigned: Set<string>;
  /** The last expression that `{% set NAME = … %}` assigns. */
  sets: Map<string, Expression>;
}

const BLOCKS = new Set(['for', 'if', 'block', 'macro', 'call', 'filter', 'with', 'autoescape', 'set']);

/**
 * Reads a Jinja 3 template (jinja.palletsprojects.com/templates) with the `raise` tag of Ploomber.
 *
 * @throws {JinjaSyntax}
 */
export function readTemplate(text: string, delimiters: Delimiters = CURLY): Template {
  const pieces = lex(text, delimiters);
  const template: Template = { pieces, expressions: [], assigned: new Set(), sets: new Map() };
  const open: Array<{ tag: string; offset: number }> = [];
  for (const piece of pieces) {
    if (piece.type === 'data') continue;
    const reader = new ExpressionReader(piece.tokens, piece.offset);
    if (piece.type === 'variable') template.expressions.push(reader.expression());
    else new TagReader(reader, template, open, piece.offset).read();
    if (reader.next?.text === ',' && piece.type === 'variable')
      while (reader.take(',')) template.expressions.push(reader.expression());
    if (reader.next !== undefined) reader.fail();
  }
  const last = open.at(-1);
  if (last !== undefined) throw new JinjaSyntax(`{% ${last.tag} %} is never closed`, last.offset);
  return template;
}

class TagReader {
  private readonly reader: ExpressionReader;
  private readonly template: Template;
  private readonly open: Array<{ tag: string; offset: number }>;
  private readonly offset: number;
  constructor(
    reader: ExpressionReader,
    template: Template,
    open: Array<{ tag: string; offset: number }>,
    offset: number,
  ) {
    this.reader = reader;
    this.template = template;
    this.open = open;
    this.offset = offset;
  }

  read(): void {
    const tag = this.reader.name();
    if (tag.startsWith('end')) {
      this.close(tag);
      return;
    }
    if (tag === 'else' || tag === 'elif') {
      if (!['if', 'for'].includes(this.open.at(-1)?.tag ?? ''))
        this.reader.fail(`"${tag}" stands outside of a block`);
      if (tag === 'elif') this.expression();
      return;
    }
    const keeps = this.head(tag);
    if (BLOCKS.has(tag) && keeps) this.open.push({ tag, offset: this.offset });
  }

  private close(tag: string): void {
    const open = this.open.pop();
    if (open === undefined || tag !== `end${open.tag}`)
      throw new JinjaSyntax(`{% ${tag} %} closes nothing`, this.offset);
    if (tag === 'endblock' && this.reader.next !== undefined) this.reader.name();
  }

  /** @returns whether a block follows. */
  private head(tag: string): boolean {
    const { reader } = this;
    if (tag === 'for') return this.loop();
    if (tag === 'set') return this.set();
    if (tag === 'if' || tag === 'autoescape' || tag === 'raise' || tag === 'extends') this.expression();
    else if (tag === 'block') {
      reader.name();
      while (reader.take('scoped', 'required'));
    } else if (tag === 'include') this.loaded();
    else if (tag === 'import' || tag === 'from') this.imported(tag);
    else if (tag === 'macro') {
      this.template.assigned.add(reader.name());
      this.parameters();
    } else if (tag === 'call') {
      if (reader.is('(')) this.parameters();
      this.expression();
    } else if (tag === 'filter') this.filters();
    else if (tag === 'with') this.values();
    else throw new JinjaSyntax(`Jinja has no tag "${tag}"`, this.offset);
    return true;
  }

  private expression(...stop: string[]): Expression {
    const expression = this.reader.expression(...stop);
    this.template.expressions.push(expression);
    return expression;
  }

  private loop(): boolean {
    this.targets('in');
    this.reader.expect('in');
    this.expression('if', 'recursive');
    while (this.reader.take(',')) if (this.reader.next !== undefined) this.expression('if', 'recursive');
    if (this.reader.take('if')) this.expression('recursive');
    this.reader.take('recursive');
    this.template.assigned.add('loop');
    return true;
  }

  private targets(end: string): string[] {
    const names: string[] = [];
    while (this.reader.next !== undefined && !this.reader.is(end, '|')) {
      if (this.reader.take('(', ')', ',')) continue;
      const name = this.reader.name();
      if (this.reader.take('.')) this.reader.name();
      else names.push(name);
    }
    for (const name of names) this.template.assigned.add(name);
    return names;
  }

  private set(): boolean {
    const names = this.targets('=');
    if (!this.reader.take('=')) {
      while (this.reader.take('|')) this.filters();
      return true;
    }
    const value = this.expression();
    while (this.reader.take(',')) if (this.reader.next !== undefined) this.expression();
    if (names.length === 1) this.template.sets.set(names[0]!, value);
    return false;
  }

  private loaded(): void {
    this.expression();
    while (this.reader.take('ignore', 'missing', 'with', 'without', 'context'));
  }

  private imported(tag: string): void {
    this.expression('import');
    if (tag === 'from') this.reader.expect('import');
    else this.reader.expect('as');
    while (this.reader.next !== undefined) {
      if (this.reader.take(',', 'as')) continue;
      this.template.assigned.add(this.reader.name());
    }
  }

  private parameters(): void {
    this.reader.expect('(');
    while (!this.reader.take(')')) {
      this.template.assigned.add(this.reader.name());
      if (this.reader.take('=')) this.expression();
      if (!this.reader.take(',') && !this.reader.is(')')) this.reader.fail();
    }
  }

  private filters(): void {
    do {
      this.reader.name();
      if (this.reader.is('(')) this.template.expressions.push(...this.reader.args());
    } while (this.reader.take('|'));
  }

  private values(): void {
    while (this.reader.next !== undefined) {
      this.template.assigned.add(this.reader.name());
      this.reader.expect('=');
      this.expression();
      if (!this.reader.take(',')) return;
    }
  }
}

/** An expression and all in it. */
export function* inside(expression: Expression): Generator<Expression> {
  yield expression;
  for (const child of children(expression)) yield* inside(child);
}

function children(expression: Expression): Expression[] {
  switch (expression.type) {
    case 'list':
      return expression.items;
    case 'attribute':
      return [expression.of];
    case 'item':
      return [expression.of, expression.key];
    case 'call':
    case 'filter':
      return [expression.of, ...expression.args];
    case 'operators':
      return expression.operands;
    default:
      return [];
  }
}

/** Names that must be given from outside: those that the template does not assign. */
export function undeclared({ expressions, assigned }: Template): Set<string> {
  const names = new Set<string>();
  for (const expression of expressions)
    for (const part of inside(expression))
      if (part.type === 'name' && !assigned.has(part.name) && !GLOBALS.has(part.name)) names.add(part.name);
  return names;
}

/** Functions that every template of Jinja has. */
const GLOBALS = new Set([
  'range',
  'dict',
  'lipsum',
  'cycler',
  'joiner',
  'namespace',
  'self',
  'caller',
  'varargs',
  'kwargs',
]);
