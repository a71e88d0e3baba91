import { configError, type Location } from '../../errors.ts';
import type { PyValue } from '../values.ts';
import { closeMatch } from './similar.ts';

/** What Ploomber's tasks of each class leave behind, unless the file says otherwise. */
export const DEFAULT_PRODUCTS: Record<string, string> = {
  SQLDump: 'File',
  NotebookRunner: 'File',
  ScriptRunner: 'File',
  SQLScript: 'SQLRelation',
  PythonCallable: 'File',
  ShellScript: 'File',
};

const TASK_CLASSES = new Set([
  ...Object.keys(DEFAULT_PRODUCTS),
  'Task',
  'TaskFactory',
  'SQLTransfer',
  'SQLUpload',
  'PostgresCopyFrom',
  'DownloadFromURL',
  'Link',
  'Input',
  'UploadToS3',
  'TaskGroup',
]);

const PRODUCT_CLASSES = new Set([
  'File',
  'MetaProduct',
  'Product',
  'SQLiteRelation',
  'PostgresRelation',
  'GenericProduct',
  'GenericSQLRelation',
  'SQLRelation',
  'EmptyProduct',
]);

/** Products that are tables or views, given as `[schema, name, kind]`. */
export const RELATIONS = new Set(['SQLiteRelation', 'PostgresRelation', 'GenericSQLRelation', 'SQLRelation']);

/** Classes whose tasks can be read here, and the form of their source. */
export const SOURCE_FORMS: Record<string, 'notebook' | 'function' | 'sql' | 'template' | 'text'> = {
  NotebookRunner: 'notebook',
  ScriptRunner: 'notebook',
  PythonCallable: 'function',
  SQLScript: 'sql',
  SQLDump: 'sql',
  SQLTransfer: 'sql',
  ShellScript: 'template',
  SQLUpload: 'text',
  PostgresCopyFrom: 'text',
  DownloadFromURL: 'text',
  UploadToS3: 'text',
};

const SUFFIXES: Record<string, string> = {
  '.py': 'NotebookRunner',
  '.R': 'NotebookRunner',
  '.Rmd': 'NotebookRunner',
  '.r': 'NotebookRunner',
  '.ipynb': 'NotebookRunner',
  '.sql': 'SQLScript',
  '.sh': 'ShellScript',
};

export const isTaskClass = (name: unknown) => typeof name === 'string' && TASK_CLASSES.has(name);
export const isProductClass = (name: unknown) => typeof name === 'string' && PRODUCT_CLASSES.has(name);
export const hasKnownSuffix = (source: string) => suffixOf(source) in SUFFIXES;

/** The last extension of a file's name, as Python's `Path.suffix`. */
export function suffixOf(path: string): string {
  const name = path.replace(/\/+$/, '').split('/').at(-1) ?? '';
  const dot = name.lastIndexOf('.');
  return dot > 0 && dot < name.length - 1 ? name.slice(dot) : '';
}

/**
 * The class of a task, from its source and, for SQL, its product.
 *
 * @throws {DatamillError} SOURCE_UNKNOWN or PRODUCT_INVALID (exit 2).
 */
export function classOf(source: string, product: PyValue | undefined, at: () => Location): string {
  const suffix = suffixOf(source);
  if (suffix === '.sql') return sqlClass(product, at);
  const known = SUFFIXES[suffix];
  if (known !== undefined) return known;
  const valid = Object.keys(SUFFIXES).join(', ');
  if (source.includes('/'))
    throw configError(
      'SOURCE_UNKNOWN',
      `source "${source}": nothing is known of files ending in "${suffix}"`,
      {
        at: at(),
        hint: `sources end in ${valid}, or are functions: module.function`,
      },
    );
  if (!source.includes('.'))
    throw configError('SOURCE_UNKNOWN', `source "${source}" is neither a file nor a function`, {
      at: at(),
      hint: `sources end in ${valid}, or are functions: module.function`,
    });
  return 'PythonCallable';
}

function sqlClass(product: PyValue | undefined, at: () => Location): string {
  if (typeof product !== 'string') return 'SQLScript';
  const suffix = suffixOf(product);
  if (suffix === '.csv' || suffix === '.parquet') return 'SQLDump';
  const meant = suffix === '' ? undefined : closeMatch(suffix, ['.csv', '.parquet']);
  if (meant !== undefined)
    throw configError('PRODUCT_INVALID', `"${suffix}" is no ending of the product of a query`, {
      at: at(),
      hint: `did you mean "${meant}"?`,
    });
  return 'SQLScript';
}
