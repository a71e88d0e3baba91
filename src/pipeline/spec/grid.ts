import { basename, dirname, join, resolve } from 'node:path';
import { configError, type Location } from '../../errors.ts';
import { fillIn, JinjaSyntax, readTemplate, SQUARE } from '../jinja/index.ts';
import { isMap, type PyMap, PySequence, type PyValue, pyRepr } from '../values.ts';

/** More tasks than this out of one grid are a mistake: no cluster runs them in one workflow. */
const MAX_GRID = 20_000;

/** One task of a grid. */
export interface GridTask {
  name: string;
  params: PyMap;
  product: PyValue;
}

export interface GridSpec {
  grid: PyValue;
  params: PyValue | undefined;
  name: string;
  product: PyValue;
  productClass: string;
  root: string;
  at: () => Location;
}

/**
 * Expands a grid: every combination of its values, the last key fastest.
 *
 * @throws {DatamillError} GRID_INVALID, GRID_NEEDS_PYTHON or GRID_TOO_LARGE (exit 2).
 */
export function expandGrid(spec: GridSpec): GridTask[] {
  const grids = isMap(spec.grid) ? [spec.grid] : Array.isArray(spec.grid) ? spec.grid : [];
  if (grids.length === 0 || !grids.every(isMap))
    throw invalid('grid: expected a map of parameters, or a list of such maps', spec.at);
  const lists = grids.map((grid) => axes(grid as PyMap, spec.at));
  const total = lists.reduce(
    (sum, one) => sum + one.reduce((product, [, values]) => product * values.length, 1),
    0,
  );
  if (total > MAX_GRID)
    throw configError(
      'GRID_TOO_LARGE',
      `the grid of "${spec.name}" makes ${total} tasks, and at most ${MAX_GRID} are possible`,
      {
        at: spec.at(),
        hint: 'split it into several pipelines, or let one task go over several values',
      },
    );
  return lists.flatMap(combinations).map((params, index) => gridTask(spec, params, index));
}

function axes(grid: PyMap, at: () => Location): Array<[string, PyValue[]]> {
  return Object.entries(grid).map(([key, value]) => {
    if (needsPython(value))
      throw configError('GRID_NEEDS_PYTHON', `grid.${key} calls the function ${pyRepr(value)}`, {
        at: at(),
        hint: 'nothing of the project is run here: write its values as a list',
      });
    if (Array.isArray(value)) return [key, value];
    if (value instanceof PySequence) return [key, value.items];
    // Python goes over the keys of a map.
    return [key, isMap(value) ? Object.keys(value) : [value]];
  });
}

/** `module::function`, or a map with such a `dotted_path`. */
export function needsPython(value: PyValue | undefined): boolean {
  const path = isMap(value) ? value.dotted_path : value;
  return (
    typeof path === 'string' &&
    /^[\w.]+::\w+/.test(path) &&
    path.split('::').length === 2 &&
    !path.split('::')[1]!.includes('.')
  );
}

function combinations(lists: Array<[string, PyValue[]]>): PyMap[] {
  let result: PyMap[] = [{}];
  for (const [key, values] of lists)
    result = result.flatMap((params) => values.map((value) => ({ ...params, [key]: value })));
  return result;
}

function gridTask(spec: GridSpec, own: PyMap, index: number): GridTask {
  const constant = spec.params ?? {};
  if (!isMap(constant)) throw invalid('params: expected a map', spec.at);
  const twice = Object.keys(own).filter((key) => Object.hasOwn(constant, key));
  if (twice.length > 0)
    throw invalid(`${twice.join(', ')}: stands in grid and in params`, spec.at, 'keep it in one of the two');
  const params = { ...own, ...constant };
  const named = spec.name.includes('[[') && spec.name.includes(']]');
  const name = named ? fill(spec.name, params, spec.at) : `${spec.name}${index}`;
  return { name, params, product: gridProduct(spec.product, index, params, spec) };
}

function gridProduct(product: PyValue, index: number, params: PyMap, spec: GridSpec): PyValue {
  if (isMap(product))
    return Object.fromEntries(
      Object.entries(product).map(([key, item]) => [key, gridProduct(item, index, params, spec)]),
    );
  if (typeof product === 'string') return fileOf(product, index, params, spec);
  const parts = Array.isArray(product) ? product : product instanceof PySequence ? product.items : undefined;
  const position = parts?.length === 3 ? 1 : 0;
  const table = parts?.[position];
  if (typeof table !== 'string')
    throw invalid(`the product ${pyRepr(product)} cannot stand beside a grid`, spec.at);
  return parts!.with(position, fill(`${table}-${index}`, params, spec.at));
}

/** `dir/name.tar.gz` becomes `dir/name-INDEX.tar.gz`. */
function fileOf(product: string, index: number, params: PyMap, { root, at }: GridSpec): string {
  const path = resolve(root, product);
  const name = basename(path);
  const suffix = allSuffixes(name);
  const stem = suffix === '' ? name : name.replaceAll(suffix, '');
  return fill(join(dirname(path), `${stem}-${index}${suffix}`), params, at);
}

/** As Python's `''.join(path.suffixes)`. */
function allSuffixes(name: string): string {
  if (name.endsWith('.')) return '';
  const parts = name.replace(/^\.+/, '').split('.').slice(1);
  return parts.map((part) => `.${part}`).join('');
}

function fill(text: string, params: PyMap, at: () => Location): string {
  if (!/\[\[|\{[%#]/.test(text)) return text;
  try {
    // Jinja prints nothing for a name that it does not know.
    return fillIn(readTemplate(text, SQUARE), (name) => (Object.hasOwn(params, name) ? params[name] : ''));
  } catch (error) {
    if (!(error instanceof JinjaSyntax)) throw error;
    throw invalid(`${JSON.stringify(text)}: ${error.message}`, at);
  }
}

function invalid(message: string, at: () => Location, hint?: string) {
  return configError('GRID_INVALID', message, { at: at(), hint });
}
