import type { ParsedDocument, Path } from '../config/document.ts';
import { configError, type Location } from '../errors.ts';
import { cast } from './cast.ts';
import { fillIn, JinjaSyntax, readTemplate, undeclared } from './jinja/index.ts';
import type { Problems } from './problems.ts';
import { isMap, type PyMap, type PyValue } from './values.ts';

/** The values that placeholders of a pipeline file stand for. */
export interface Values {
  /** The value of a name; undefined when it is not declared. */
  get(name: string): PyValue | undefined;
  /** What to do about a name that has no value. */
  hint(name: string): string;
}

/**
 * Fills in the placeholders in all values of a document (not in its keys), and casts what comes out.
 * Problems are collected; the value stays as it was.
 *
 * @param used gets the names that were asked for.
 */
export function expandDocument(
  data: PyValue,
  document: ParsedDocument,
  values: Values,
  problems: Problems,
  used: Set<string>,
): PyValue {
  const leaf = (text: string, path: Path): PyValue => {
    const expanded = problems.attempt(() => expandText(text, values, used, () => document.locate(path)));
    return expanded === undefined ? text : expanded;
  };
  return mapLeaves(data, [], leaf);
}

function expandText(text: string, values: Values, used: Set<string>, at: () => Location): PyValue {
  if (!/\{[{%#]/.test(text)) return cast(text);
  try {
    const template = readTemplate(text);
    const names = undeclared(template);
    if (names.size === 0) return cast(text);
    for (const name of names) {
      used.add(name);
      if (values.get(name) === undefined)
        throw configError('PLACEHOLDER_UNKNOWN', `{{${name}}} has no value`, {
          at: at(),
          hint: values.hint(name),
        });
    }
    return cast(fillIn(template, values.get));
  } catch (error) {
    if (!(error instanceof JinjaSyntax)) throw error;
    throw configError('PLACEHOLDER_INVALID', `${JSON.stringify(text.slice(0, 60))}: ${error.message}`, {
      at: at(),
      hint: 'write {{name}} or {{name.part}}, with the value in env.yaml',
    });
  }
}

/** A copy with every text replaced; lists and maps keep their shape. */
export function mapLeaves(value: PyValue, path: Path, leaf: (text: string, path: Path) => PyValue): PyValue {
  if (typeof value === 'string') return leaf(value, path);
  if (Array.isArray(value)) return value.map((item, index) => mapLeaves(item, [...path, index], leaf));
  if (!isMap(value)) return value;
  const result: PyMap = {};
  for (const [key, item] of Object.entries(value)) result[key] = mapLeaves(item, [...path, key], leaf);
  return result;
}
