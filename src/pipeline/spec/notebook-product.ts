import { configError, type Location } from '../../errors.ts';
import type { Product } from '../types.ts';
import { isMap, type PyMap, type PyValue } from '../values.ts';
import { suffixOf } from './classes.ts';

/** Endings that a notebook can be converted to. */
const FORMATS = ['.md', '.html', '.tex', '.pdf', '.rst', '.ipynb'];

/**
 * Checks that one product of a notebook is the notebook itself.
 *
 * @throws {DatamillError} PRODUCT_INVALID (exit 2).
 */
export function checkNotebookProducts(
  products: Record<string, Product>,
  single: boolean,
  data: PyMap,
  at: () => Location,
): void {
  const key = data.nb_product_key ?? 'nb';
  const exporter = data.nbconvert_exporter_name ?? null;
  if (Array.isArray(key)) {
    checkSeveral(products, key, exporter, at);
    return;
  }
  if (isMap(exporter))
    throw invalid('nbconvert_exporter_name: expected one name, as there is one notebook', at);
  const name = single ? 'product' : String(key);
  const product = products[name];
  if (product === undefined)
    throw invalid(
      `the products of a notebook must hold the notebook itself under "${name}"`,
      at,
      `add ${name}: path/to/notebook.ipynb`,
    );
  checkFormat(product, exporter, at);
}

function checkSeveral(
  products: Record<string, Product>,
  keys: PyValue[],
  exporter: PyValue,
  at: () => Location,
): void {
  if (typeof exporter === 'string')
    throw invalid('nbconvert_exporter_name: expected a map, as there are several notebooks', at);
  for (const key of keys) {
    const product = products[String(key)];
    if (product === undefined)
      throw invalid(`nb_product_key names "${String(key)}", which is no product`, at);
    checkFormat(product, isMap(exporter) ? (exporter[String(key)] ?? null) : null, at);
  }
  for (const [key, product] of Object.entries(products)) {
    if (product.type === 'file' && FORMATS.includes(suffixOf(product.path)) && !keys.includes(key))
      throw invalid(`the product "${key}" is a notebook, but nb_product_key does not name it`, at);
  }
}

function checkFormat(product: Product, exporter: PyValue, at: () => Location): void {
  if (product.type !== 'file') throw invalid('a notebook can only be written to a file', at);
  if (exporter !== null || FORMATS.includes(suffixOf(product.path))) return;
  throw invalid(
    `a notebook cannot be written to a file ending in "${suffixOf(product.path)}"`,
    at,
    `use ${FORMATS.join(', ')}; or a map of products with the notebook under "nb"`,
  );
}

function invalid(message: string, at: () => Location, hint?: string) {
  return configError('PRODUCT_INVALID', message, { at: at(), hint });
}
