import { nearest } from '../../config/nearest.ts';
import { configError, type DatamillError } from '../../errors.ts';
import type { PyMap } from '../values.ts';
import type { RawTask } from './read.ts';

const COMMON = [
  'source',
  'product',
  'name',
  'class',
  'upstream',
  'params',
  'grid',
  'product_client',
  'product_class',
  'on_render',
  'on_finish',
  'on_failure',
];

const PLAIN = new Set(COMMON);

/** What else tasks of a class take: the arguments of their constructors. */
const OWN: Record<string, string[]> = {
  NotebookRunner: [
    'executor',
    'executor_params',
    'papermill_params',
    'kernelspec_name',
    'nbconvert_exporter_name',
    'ext_in',
    'nb_product_key',
    'static_analysis',
    'nbconvert_export_kwargs',
    'local_execution',
    'check_if_kernel_installed',
    'debug_mode',
  ],
  ScriptRunner: ['ext_in', 'static_analysis', 'local_execution'],
  PythonCallable: ['unserializer', 'serializer', 'debug_mode'],
  ShellScript: ['client'],
  SQLScript: ['client'],
  SQLDump: ['client', 'chunksize', 'io_handler'],
  SQLTransfer: ['client', 'chunksize'],
  SQLUpload: ['client', 'chunksize', 'io_handler', 'to_sql_kwargs'],
  PostgresCopyFrom: ['client', 'columns'],
  DownloadFromURL: [],
  UploadToS3: ['bucket', 'client_kwargs', 'upload_file_kwargs'],
};

const CHOICES: Record<string, Array<string | null>> = {
  static_analysis: ['disable', 'regular', 'strict'],
  executor: ['papermill', 'ploomber-engine'],
  debug_mode: [null, 'now', 'later'],
};

/** Keys that tasks of the class do not take, and values that some keys cannot have. */
export function wrongKeys(data: PyMap, taskClass: string, at: RawTask['at']): DatamillError[] {
  const odd = Object.keys(data).filter((key) => !PLAIN.has(key));
  if (odd.length === 0) return [];
  const known = [...COMMON, ...(OWN[taskClass] ?? [])];
  const unknown = odd
    .filter((key) => !known.includes(key))
    .map((key) =>
      configError('UNKNOWN_KEY', `unknown key "${key}" in a task of the class ${taskClass}`, {
        at: at(key),
        hint: nearest(key, known) ?? `the keys here are ${known.join(', ')}`,
      }),
    );
  const values = Object.entries(CHOICES)
    .filter(([key, choices]) => key in data && known.includes(key) && !choices.includes(data[key] as string))
    .map(([key, choices]) =>
      configError('INVALID_VALUE', `${key}: expected one of ${choices.join(', ')}`, { at: at(key) }),
    );
  return [...unknown, ...values];
}
