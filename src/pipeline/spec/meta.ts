import { join } from 'node:path';
import type { ParsedDocument } from '../../config/document.ts';
import { unknownKey } from '../../config/validate.ts';
import { configError } from '../../errors.ts';
import { isMap, type PyMap, type PyValue } from '../values.ts';
import { DEFAULT_PRODUCTS, isProductClass, isTaskClass } from './classes.ts';

/** The section `meta` of a pipeline file. */
export interface Meta {
  extractUpstream: boolean;
  extractProduct: boolean;
  relativeToSource: boolean;
  productClasses: Record<string, string>;
  importFrom?: string;
  /** Folders in which relative sources are looked for; absent without a source loader. */
  loader?: string[];
}

const KEYS = [
  'extract_upstream',
  'extract_product',
  'product_default_class',
  'product_relative_to_source',
  'jupyter_hot_reload',
  'source_loader',
  'jupyter_functions_as_notebooks',
  'import_tasks_from',
];

/** @throws {DatamillError} UNKNOWN_KEY or INVALID_VALUE (exit 2), with the place. */
export function readMeta(value: PyValue | undefined, document: ParsedDocument, folder: string): Meta {
  const meta = value ?? {};
  if (!isMap(meta))
    throw configError('INVALID_VALUE', 'meta: expected a map', { at: document.locate(['meta']) });
  for (const key of Object.keys(meta)) {
    if (!KEYS.includes(key)) throw unknownKey(key, KEYS, { document, path: ['meta'], label: 'meta' });
  }
  const importFrom = meta.import_tasks_from ?? undefined;
  if (importFrom !== undefined && typeof importFrom !== 'string')
    throw configError('INVALID_VALUE', 'meta.import_tasks_from: expected the name of a file', {
      at: document.locate(['meta', 'import_tasks_from']),
    });
  return {
    extractUpstream: truthy(meta.extract_upstream ?? true),
    extractProduct: truthy(meta.extract_product ?? false),
    relativeToSource: truthy(meta.product_relative_to_source ?? false),
    productClasses: productClasses(meta.product_default_class, document),
    importFrom,
    loader: 'source_loader' in meta ? loaderFolders(meta.source_loader, document, folder) : undefined,
  };
}

function truthy(value: PyValue): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}

function productClasses(value: PyValue | undefined, document: ParsedDocument): Record<string, string> {
  const path = ['meta', 'product_default_class'];
  const given = value ?? {};
  if (!isMap(given))
    throw configError('INVALID_VALUE', `${path.join('.')}: expected a map`, { at: document.locate(path) });
  for (const [task, product] of Object.entries(given)) {
    if (!isTaskClass(task))
      throw configError('UNKNOWN_CLASS', `there is no task class "${task}"`, {
        at: document.locate([...path, task], 'key'),
      });
    if (!isProductClass(product))
      throw configError('UNKNOWN_CLASS', `there is no product class "${String(product)}"`, {
        at: document.locate([...path, task]),
      });
  }
  return { ...DEFAULT_PRODUCTS, ...(given as Record<string, string>) };
}

function loaderFolders(value: PyValue | undefined, document: ParsedDocument, folder: string): string[] {
  const at = document.locate(['meta', 'source_loader']);
  const loader = isMap(value) ? value : ({} as PyMap);
  const unknown = Object.keys(loader).find((key) => key !== 'path' && key !== 'module');
  const { path, module } = loader;
  const paths = path === undefined ? [''] : Array.isArray(path) ? path : [path];
  const fine =
    paths.every((one) => typeof one === 'string') && (module === undefined || typeof module === 'string');
  if (unknown !== undefined || !fine || (path === undefined && module === undefined))
    throw configError('INVALID_VALUE', 'meta.source_loader: expected a map with path, module or both', {
      at,
    });
  const base = module === undefined ? folder : join(folder, ...String(module).split('.'));
  return paths.map((one) => join(base, String(one)));
}
