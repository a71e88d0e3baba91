import { configError } from '../../errors.ts';
import { locateIn, readSource } from '../files.ts';
import { accesses, constantOf, JinjaSyntax, readTemplate, SQUARE, undeclared } from '../jinja/index.ts';
import { RELATIONS } from '../spec/classes.ts';
import type { PyValue } from '../values.ts';
import type { Found, SourceQuery } from './types.ts';

const HOW =
  "write it as {{upstream['name']}}; or set meta.extract_upstream: false and list `upstream:` in the pipeline file";

/** What a SQL script with `extract_product` says that it makes. */
export interface StatedRelation {
  class: string;
  value: PyValue;
}

/**
 * Reads a SQL or shell script, which is a template of Jinja.
 *
 * @param kind what the script must hold: SQL scripts a placeholder, shell scripts their product.
 * @throws {DatamillError} SOURCE_*, TEMPLATE_INVALID, UPSTREAM_NOT_CONSTANT, … (exit 2).
 */
export function readTemplateSource(
  query: SourceQuery,
  kind: 'SQLScript' | 'ShellScript' | 'other',
): Found & { relation?: StatedRelation } {
  const { file, root, at, upstream, product } = query;
  const text = readSource(file, root, at);
  const place = locateIn(text, file);
  try {
    const template = readTemplate(text);
    if (kind === 'SQLScript' && !(/\{\{[\s\S]*\}\}/.test(text) || /\{%[\s\S]*%\}/.test(text)))
      throw configError('TEMPLATE_INVALID', 'this script does not use {{product}}', {
        at: { file, line: 1, column: 1 },
        hint: 'write CREATE TABLE {{product}} AS ...',
      });
    if (
      kind === 'ShellScript' &&
      !undeclared(template).has('product') &&
      !undeclared(readTemplate(text, SQUARE)).has('product')
    )
      throw configError('TEMPLATE_INVALID', 'this script does not use {{product}}', {
        at: { file, line: 1, column: 1 },
        hint: 'write what it makes to {{product}}',
      });
    if (kind === 'ShellScript') readTemplate(text, SQUARE);
    const found: Found & { relation?: StatedRelation } = { uses: [] };
    if (upstream)
      found.uses = accesses(template, 'upstream').map(({ name, offset }) => {
        if (name === undefined)
          throw configError(
            'UPSTREAM_NOT_CONSTANT',
            'which task is meant here is known only when the script is filled in',
            {
              at: place(offset),
              hint: HOW,
            },
          );
        return { name, at: () => place(offset) };
      });
    if (product) found.relation = relationOf(template.sets.get('product'), query);
    return found;
  } catch (error) {
    if (!(error instanceof JinjaSyntax)) throw error;
    throw configError('TEMPLATE_INVALID', error.message, {
      at: place(error.offset),
      hint: 'text that is not for Jinja stands between {% raw %} and {% endraw %}',
    });
  }
}

function relationOf(
  stated: Parameters<typeof constantOf>[0] | undefined,
  { file, at }: SourceQuery,
): StatedRelation {
  const value =
    stated?.type === 'call' && stated.of.type === 'name' && stated.args.length >= 1
      ? { class: stated.of.name, value: constantOf(stated.args[0]!) }
      : undefined;
  if (value?.value === undefined || !RELATIONS.has(value.class))
    throw configError('PRODUCT_MISSING', 'the script does not say what it makes', {
      at: { file, line: 1, column: 1 },
      hint: `begin it with {% set product = SQLRelation(["schema", "name", "table"]) %}; or state \`product:\` at ${at().file}`,
    });
  return { class: value.class, value: value.value };
}
