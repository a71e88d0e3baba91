import { existsSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { configError, type Location } from '../errors.ts';
import { isFile } from './place.ts';
import type { Problems } from './problems.ts';
import { type ModuleCache, readCallable } from './sources/callable.ts';
import { readNotebookSource } from './sources/notebook.ts';
import { readTemplateSource } from './sources/template.ts';
import type { Found, SourceQuery } from './sources/types.ts';
import { classOf, isProductClass, isTaskClass, RELATIONS, SOURCE_FORMS } from './spec/classes.ts';
import { expandGrid } from './spec/grid.ts';
import { wrongKeys } from './spec/keys.ts';
import type { Meta } from './spec/meta.ts';
import { checkNotebookProducts } from './spec/notebook-product.ts';
import { readParams } from './spec/params.ts';
import { readProducts, relation } from './spec/products.ts';
import type { RawTask } from './spec/read.ts';
import type { Place, Product, Task } from './types.ts';
import { isMap, type PyMap, PySequence, type PyValue } from './values.ts';

/** A task before the names that it asks for were looked up. */
export interface OpenTask extends Omit<Task, 'upstream'> {
  uses: Found['uses'];
  declared: boolean;
}

/** What all tasks of a pipeline share. */
export interface TaskContext {
  place: Place;
  meta: Meta;
  modules: ModuleCache;
  problems: Problems;
}

/**
 * Reads one task of the file: several where it has a grid.
 *
 * @throws {DatamillError} (exit 2) with what is wrong about it.
 */
export function readTask(raw: RawTask, context: TaskContext): OpenTask[] {
  const { data, at } = raw;
  const { meta, place } = context;
  const source = required(data, meta, at);
  const taskClass = classFor(data, source, at);
  for (const error of wrongKeys(data, taskClass, at)) context.problems.errors.push(error);
  const query = queryFor(source, taskClass, raw, context);
  const found = readFound(query, taskClass, context);
  if (found.missingCell) warnMissingCell(query, data, at, context);
  const product = found.product ?? data.product ?? null;
  const shared = {
    class: taskClass,
    source,
    file: found.file ?? (taskClass === 'PythonCallable' ? undefined : query.file),
    uses: meta.extractUpstream ? found.uses : declaredUses(data.upstream, at),
    declared: !meta.extractUpstream,
    at: () => at(),
  };
  if ('grid' in data) return gridTasks(data, product, taskClass, shared, raw, context);
  const name = nameOf(data.name, source, taskClass, at);
  const productClass = found.relation?.class ?? productClassFor(data, taskClass, meta, at);
  const products =
    found.relation === undefined
      ? readProducts(product, productClass, productBase(taskClass, query, context), () => at('product'))
      : { product: relation(found.relation.value, () => at()) };
  checkProducts(products, !isMap(product), taskClass, data, () => at('product'));
  return [{ ...shared, name, products, params: readParams(data.params, place, at) }];
}

type Shared = Pick<OpenTask, 'class' | 'source' | 'file' | 'uses' | 'declared' | 'at'>;

function gridTasks(
  data: PyMap,
  product: PyValue,
  taskClass: string,
  shared: Shared,
  { at }: RawTask,
  { meta, place }: TaskContext,
): OpenTask[] {
  const { name } = data;
  if (typeof name !== 'string')
    throw configError('GRID_INVALID', 'a task with a grid must have a name', {
      at: at(),
      hint: 'add `name: fit-`, or `name: fit-[[parameter]]`',
    });
  const productClass = productClassFor(data, taskClass, meta, at);
  const spec = {
    grid: data.grid!,
    params: data.params,
    name,
    product,
    productClass,
    root: place.root,
    at: () => at('grid'),
  };
  return expandGrid(spec).map((one) => {
    const products = readProducts(one.product, productClass, place.root, () => at('product'));
    checkProducts(products, !isMap(one.product), taskClass, data, () => at('product'));
    return { ...shared, name: one.name, products, params: one.params };
  });
}

function required(data: PyMap, meta: Meta, at: RawTask['at']): string {
  const { source } = data;
  if (source === undefined)
    throw configError('TASK_INVALID', 'a task has no `source:`', {
      at: at(),
      hint: 'add `source: script.py`, or `source: module.function`',
    });
  if (typeof source !== 'string')
    throw configError('TASK_INVALID', 'source: expected text', { at: at('source') });
  if (!meta.extractProduct && !('product' in data))
    throw configError('TASK_INVALID', `the task with the source ${source} has no \`product:\``, {
      at: at(),
      hint: 'add `product: output/name.ipynb`',
    });
  if (meta.extractProduct && isSet(data.product))
    throw configError(
      'PRODUCT_STATED',
      'the product stands here, but meta.extract_product takes it from the source',
      {
        at: at('product'),
        hint: 'remove `product:`, or set meta.extract_product: false',
      },
    );
  if (meta.extractUpstream && isSet(data.upstream))
    throw configError(
      'UPSTREAM_STATED',
      'upstream stands here, but meta.extract_upstream takes it from the source',
      {
        at: at('upstream'),
        hint: 'remove `upstream:`, or set meta.extract_upstream: false',
      },
    );
  return source;
}

function isSet(value: PyValue | undefined): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return isMap(value) ? Object.keys(value).length > 0 : Boolean(value);
}

function classFor(data: PyMap, source: string, at: RawTask['at']): string {
  const given = data.class;
  if (given === undefined || given === null || given === '')
    return classOf(source, data.product, () => at('source'));
  if (!isTaskClass(given) || !((given as string) in SOURCE_FORMS))
    throw configError('UNKNOWN_CLASS', `there is no task class "${String(given)}" that a file can name`, {
      at: at('class'),
      hint: `use one of ${Object.keys(SOURCE_FORMS).join(', ')}`,
    });
  return given as string;
}

function productClassFor(data: PyMap, taskClass: string, meta: Meta, at: RawTask['at']): string {
  const name = data.product_class ?? meta.productClasses[taskClass];
  if (name === undefined)
    throw configError('PRODUCT_INVALID', `tasks of the class ${taskClass} need \`product_class:\``, {
      at: at(),
    });
  if (!isProductClass(name))
    throw configError('UNKNOWN_CLASS', `there is no product class "${String(name)}"`, {
      at: at('product_class'),
    });
  return name as string;
}

function queryFor(
  source: string,
  taskClass: string,
  { data, at }: RawTask,
  { place, meta }: TaskContext,
): SourceQuery {
  const { root, folder } = place;
  const file = taskClass === 'PythonCallable' || isAbsolute(source) ? source : sourceFile(source, meta, root);
  const kernel = typeof data.kernelspec_name === 'string' ? data.kernelspec_name : undefined;
  return {
    file,
    root,
    modules: [...new Set([folder, root, join(root, 'src')])],
    at: () => at('source'),
    upstream: meta.extractUpstream,
    product: meta.extractProduct,
    kernel,
  };
}

function sourceFile(source: string, { loader }: Meta, root: string): string {
  if (loader === undefined) return resolve(root, source);
  return loader.map((folder) => join(folder, source)).find(isFile) ?? join(loader[0]!, source);
}

function readFound(
  query: SourceQuery,
  taskClass: string,
  { modules }: TaskContext,
): ReturnType<typeof readTemplateSource> {
  const form = SOURCE_FORMS[taskClass];
  if (form === 'function') return readCallable(query, modules);
  if (form === 'notebook') return readNotebookSource(query);
  if (form === 'text') return { uses: [] };
  const kind = taskClass === 'SQLScript' || taskClass === 'ShellScript' ? taskClass : 'other';
  if (query.product && taskClass === 'ShellScript')
    throw configError('PRODUCT_MISSING', 'a shell script cannot state its product', {
      at: query.at(),
      hint: 'set meta.extract_product: false and state `product:` in the pipeline file',
    });
  return readTemplateSource(query, kind);
}

function warnMissingCell(
  { file, upstream }: SourceQuery,
  data: PyMap,
  at: RawTask['at'],
  { problems }: TaskContext,
): void {
  problems.warn({
    code: 'PARAMETERS_CELL_MISSING',
    message: `there is no cell tagged "parameters": Ploomber writes one into the file when it runs${upstream ? ', with upstream = None' : ''}`,
    task: typeof data.name === 'string' ? data.name : undefined,
    at: existsSync(file) ? { file, line: 1, column: 1 } : at('source'),
  });
}

function declaredUses(value: PyValue | undefined, at: RawTask['at']): Found['uses'] {
  const items =
    value === undefined || value === null
      ? []
      : Array.isArray(value)
        ? value
        : value instanceof PySequence
          ? value.items
          : isMap(value)
            ? Object.keys(value)
            : [value];
  return items.map((item) => {
    if (typeof item !== 'string')
      throw configError('INVALID_VALUE', 'upstream: expected names of tasks', { at: at('upstream') });
    return { name: item, at: () => at('upstream') };
  });
}

function nameOf(given: PyValue | undefined, source: string, taskClass: string, at: RawTask['at']): string {
  if (typeof given === 'string') return given;
  if (given !== undefined && given !== null)
    throw configError(
      'INVALID_VALUE',
      'name: expected text; Ploomber takes this for a number or another constant',
      { at: at('name'), hint: 'put a letter before it' },
    );
  if (taskClass === 'PythonCallable') return source.split('.').at(-1)!;
  if (SOURCE_FORMS[taskClass] === 'text')
    throw configError('TASK_INVALID', `a task of the class ${taskClass} needs a name`, {
      at: at(),
      hint: 'add `name:`',
    });
  const file = source.split('/').at(-1)!;
  const dot = file.lastIndexOf('.');
  return dot > 0 ? file.slice(0, dot) : file;
}

function productBase(taskClass: string, { file }: SourceQuery, { meta, place }: TaskContext): string {
  if (!meta.relativeToSource) return place.root;
  return taskClass === 'PythonCallable' ? place.folder : dirname(file);
}

const ALLOWED: Record<string, string> = { NotebookRunner: 'file', SQLScript: 'relation', SQLDump: 'file' };

function checkProducts(
  products: Record<string, Product>,
  single: boolean,
  taskClass: string,
  data: PyMap,
  at: () => Location,
): void {
  const wanted = ALLOWED[taskClass];
  const wrong = Object.values(products).some(
    ({ type }) => type !== wanted && !(type === 'other' && taskClass === 'SQLDump'),
  );
  if (wanted !== undefined && wrong)
    throw configError(
      'PRODUCT_INVALID',
      `the product of a task of the class ${taskClass} must be a ${wanted === 'file' ? 'file' : `table or view (${[...RELATIONS].join(', ')})`}`,
      { at: at() },
    );
  if (taskClass === 'NotebookRunner') checkNotebookProducts(products, single, data, at);
}
