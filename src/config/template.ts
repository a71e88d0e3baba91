// Only the parser: a compiled template could reach more than its context.
import { parse as parseTemplate } from 'handlebars/dist/cjs/handlebars/compiler/base.js';
import { configError, type DatamillError, type Location } from '../errors.ts';
import { helpers } from './helpers.ts';
import { nearest } from './nearest.ts';

/** A string that is to be evaluated; made by the tag `!hbs` and by files that are templates as a whole. */
export class Template {
  readonly source: string;
  readonly at?: Location;

  constructor(source: string, at?: Location) {
    this.source = source;
    this.at = at;
  }

  toJSON(): string {
    return this.source;
  }
}

/** The names that a template sees; nothing else is reachable. */
export type TemplateContext = Readonly<Record<string, unknown>>;

type Expression = hbs.AST.Expression;

const parsed = new Map<string, hbs.AST.Program>();

/**
 * Evaluates a Handlebars template strictly: a name that is not there is an error, nothing is
 * escaped, and a template that is exactly one expression keeps the expression's own type.
 * Understood are paths, literals, the helpers of helpers.ts and the blocks `#if` and `#unless`.
 *
 * @throws {DatamillError} TEMPLATE (exit 2) at `at`.
 */
export function evaluate(source: string, context: TemplateContext, at?: Location): unknown {
  if (!source.includes('{{')) return source;
  try {
    return run(source, context, at);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw templateError('this template is nested too deeply', at, 'write it in several values');
  }
}

/** No helper call needs more brackets; the parser takes quadratic time over them. */
const MAX_BRACKETS = 50;

function run(source: string, context: TemplateContext, at: Location | undefined): unknown {
  const program = parse(source, at);
  const only = program.body.length === 1 ? program.body[0] : undefined;
  if (only?.type === 'MustacheStatement') {
    return expression(only as hbs.AST.MustacheStatement, { context, at });
  }
  return render(program, { context, at });
}

interface Scope {
  context: TemplateContext;
  at?: Location;
}

function parse(source: string, at?: Location): hbs.AST.Program {
  const known = parsed.get(source);
  if (known !== undefined) return known;
  if ([...source.matchAll(/\{\{[^}]*/g)].some(([part]) => part.split('(').length > MAX_BRACKETS))
    throw templateError('this template is nested too deeply', at, 'write it in several values');
  try {
    const program = parseTemplate(source);
    parsed.set(source, program);
    return program;
  } catch (cause) {
    const detail = cause instanceof Error ? (cause.message.split('\n').at(-1) ?? '') : '';
    throw templateError(
      `this template cannot be read: ${detail}`,
      at,
      'write {{name}}, {{helper name}} or {{#if name}}…{{/if}}',
    );
  }
}

function render(program: hbs.AST.Program | undefined, scope: Scope): string {
  return (program?.body ?? []).map((statement) => renderStatement(statement, scope)).join('');
}

function renderStatement(statement: hbs.AST.Statement, scope: Scope): string {
  switch (statement.type) {
    case 'ContentStatement':
      return (statement as hbs.AST.ContentStatement).value;
    case 'CommentStatement':
      return '';
    case 'MustacheStatement':
      return text(expression(statement as hbs.AST.MustacheStatement, scope), scope);
    case 'BlockStatement': {
      const block = statement as hbs.AST.BlockStatement;
      const name = (block.path as hbs.AST.PathExpression).original;
      if ((name !== 'if' && name !== 'unless') || block.params.length !== 1) {
        throw templateError(
          `{{#${name}}} is not known here`,
          scope.at,
          'only {{#if x}} and {{#unless x}} are',
        );
      }
      const holds = Boolean(value(block.params[0]!, scope)) === (name === 'if');
      return render(holds ? block.program : block.inverse, scope);
    }
    default:
      throw templateError(
        `${statement.type} is not known here`,
        scope.at,
        'partials and decorators are not part of data-mill templates',
      );
  }
}

function expression(node: hbs.AST.MustacheStatement | hbs.AST.SubExpression, scope: Scope): unknown {
  const callee = node.path as hbs.AST.PathExpression;
  const name = String(callee.original);
  const helper = Object.hasOwn(helpers, name) ? helpers[name] : undefined;
  if (node.hash !== undefined) {
    throw templateError(
      `"${node.hash.pairs[0]?.key}=" is not known here`,
      scope.at,
      'helpers take their arguments by place: {{default x "y"}}',
    );
  }
  if (node.params.length === 0 && helper === undefined) return value(node.path as Expression, scope);
  if (helper === undefined) {
    throw templateError(
      `there is no helper "${name}"`,
      scope.at,
      nearest(name, Object.keys(helpers)) ?? `the helpers are ${Object.keys(helpers).join(', ')}`,
    );
  }
  return helper(...node.params.map((param) => value(param, scope)));
}

function value(node: Expression, scope: Scope): unknown {
  switch (node.type) {
    case 'PathExpression':
      return lookUp(node as hbs.AST.PathExpression, scope);
    case 'SubExpression':
      return expression(node as hbs.AST.SubExpression, scope);
    case 'NullLiteral':
      return null;
    case 'UndefinedLiteral':
      return undefined;
    default:
      return (node as hbs.AST.StringLiteral).value;
  }
}

function lookUp(node: hbs.AST.PathExpression, scope: Scope): unknown {
  if (node.parts.length === 0 || node.data || node.depth > 0) {
    throw templateError(
      `"${node.original}" is not known here`,
      scope.at,
      `begin with one of ${Object.keys(scope.context).join(', ')}`,
    );
  }
  let current: unknown = scope.context;
  const done: string[] = [];
  for (const part of node.parts) {
    const known = typeof current === 'object' && current !== null;
    if (!known || !Object.hasOwn(current as object, part)) {
      const names = known ? Object.keys(current as object) : [];
      const inside = done.length > 0 ? ` in "${done.join('.')}"` : '';
      const there =
        names.length > 0
          ? `there ${names.length === 1 ? 'is' : 'are'} ${names.join(', ')}`
          : 'it holds no names';
      throw templateError(
        `the template uses "${node.original}", but there is no "${part}"${inside}`,
        scope.at,
        nearest(part, names) ?? there,
      );
    }
    current = (current as Record<string, unknown>)[part];
    done.push(part);
  }
  return current;
}

function text(result: unknown, scope: Scope): string {
  if (result === null || result === undefined) return '';
  if (typeof result !== 'object') return String(result);
  throw templateError(
    'a map or a list cannot stand inside a longer text',
    scope.at,
    'let the expression stand alone, or use {{json x}}',
  );
}

function templateError(message: string, at: Location | undefined, hint: string): DatamillError {
  return configError('TEMPLATE', message, { at, hint });
}

/**
 * Evaluates every string of a tree (keys too) as a template.
 *
 * @param locate place of the string at a path, for messages.
 */
export function evaluateTree(
  tree: unknown,
  context: TemplateContext,
  locate: (path: (string | number)[]) => Location | undefined,
): unknown {
  const walk = (node: unknown, path: (string | number)[]): unknown => {
    if (typeof node === 'string') return node.includes('{{') ? evaluate(node, context, locate(path)) : node;
    if (node instanceof Template) return evaluate(node.source, context, node.at);
    if (Array.isArray(node)) return node.map((item, index) => walk(item, [...path, index]));
    if (typeof node !== 'object' || node === null) return node;
    return Object.fromEntries(
      Object.entries(node).map(([key, child]) => [
        key.includes('{{') ? keyOf(evaluate(key, context, locate(path)), locate(path)) : key,
        walk(child, [...path, key]),
      ]),
    );
  };
  return walk(tree, []);
}

function keyOf(result: unknown, at: Location | undefined): string {
  const key = text(result, { context: {}, at });
  if (key === '' || key === '__proto__')
    throw templateError(`this key is a template whose result is "${key}"`, at, 'a key must be a plain text');
  return key;
}

/** Evaluates only what is a `Template`; plain strings stay as they are, `{{` or not. */
export function evaluateTagged(tree: unknown, context: TemplateContext): unknown {
  if (tree instanceof Template) return evaluate(tree.source, context, tree.at);
  if (Array.isArray(tree)) return tree.map((item) => evaluateTagged(item, context));
  if (typeof tree !== 'object' || tree === null) return tree;
  return Object.fromEntries(
    Object.entries(tree).map(([key, child]) => [key, evaluateTagged(child, context)]),
  );
}
