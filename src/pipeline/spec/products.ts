import { resolve } from 'node:path';
import { configError, type Location } from '../../errors.ts';
import type { Product } from '../types.ts';
import { isMap, PySequence, type PyValue, pyRepr } from '../values.ts';
import { RELATIONS } from './classes.ts';

/**
 * The products of a task, by key; one product stands under `product`.
 *
 * @param base the folder that relative paths begin in.
 * @throws {DatamillError} PRODUCT_INVALID (exit 2).
 */
export function readProducts(
  raw: PyValue,
  productClass: string,
  base: string,
  at: () => Location,
): Record<string, Product> {
  if (!isMap(raw)) return { product: oneProduct(raw, productClass, base, at) };
  const entries = Object.entries(raw);
  if (entries.length === 0) throw invalid('a map of products cannot be empty', at);
  return Object.fromEntries(entries.map(([key, value]) => [key, oneProduct(value, productClass, base, at)]));
}

function oneProduct(raw: PyValue, productClass: string, base: string, at: () => Location): Product {
  if (productClass === 'File') {
    if (typeof raw !== 'string') throw invalid(`${pyRepr(raw)} is no path of a file`, at);
    return { type: 'file', path: resolve(base, raw) };
  }
  if (RELATIONS.has(productClass)) return relation(raw, at);
  if (productClass !== 'GenericProduct')
    throw invalid(`a product of the class ${productClass} cannot be stated in a pipeline file`, at);
  if (typeof raw !== 'string') throw invalid(`${pyRepr(raw)} is no name of a product`, at);
  return { type: 'other', text: raw };
}

/** A relation is `[name, kind]` or `[schema, name, kind]`. */
export function relation(raw: PyValue, at: () => Location): Product {
  const parts = Array.isArray(raw)
    ? raw
    : raw instanceof PySequence && raw.kind === 'tuple'
      ? raw.items
      : undefined;
  if (parts === undefined || parts.length < 2 || parts.length > 3)
    throw invalid(`${pyRepr(raw)} is no table or view`, at, 'write [schema, name, table] or [name, view]');
  const [schema, name, kind] = parts.length === 3 ? parts : [null, ...parts];
  if (kind !== 'table' && kind !== 'view')
    throw invalid(`${pyRepr(kind ?? null)} is neither "table" nor "view"`, at);
  if (typeof name !== 'string' || (schema !== null && typeof schema !== 'string'))
    throw invalid(`${pyRepr(raw)}: names of tables and schemas must be texts`, at);
  return { type: 'relation', schema: schema === '' ? null : (schema ?? null), name, kind };
}

function invalid(message: string, at: () => Location, hint?: string) {
  return configError('PRODUCT_INVALID', message, { at: at(), hint });
}

/** A product as Ploomber prints it: the path of a file, `schema.name` of a table. */
export function productText(product: Product): string {
  if (product.type === 'file') return product.path;
  if (product.type === 'other') return product.text;
  return product.schema === null ? product.name : `${product.schema}.${product.name}`;
}
