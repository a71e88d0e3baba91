import { resolve } from 'node:path';
import { configError } from '../../errors.ts';
import { isFile } from '../place.ts';
import type { Place } from '../types.ts';
import { isMap, type PyMap, type PyValue } from '../values.ts';
import { needsPython } from './grid.ts';
import type { RawTask } from './read.ts';

/**
 * The parameters of a task; files that it depends on become absolute.
 *
 * @throws {DatamillError} PARAMS_NEED_PYTHON, INVALID_VALUE or SOURCE_MISSING (exit 2).
 */
export function readParams(value: PyValue | undefined, { root }: Place, at: RawTask['at']): PyMap {
  if (value === undefined || value === null) return {};
  if (!isMap(value)) throw configError('INVALID_VALUE', 'params: expected a map', { at: at('params') });
  const called = Object.keys(value).find((key) => needsPython(value[key]));
  if (called !== undefined)
    throw configError('PARAMS_NEED_PYTHON', `params.${called} calls a function`, {
      at: at('params', called),
      hint: 'nothing of the project is run here: write its value',
    });
  return 'resources_' in value ? { ...value, resources_: resources(value.resources_!, root, at) } : value;
}

/** Files that a task depends on. */
function resources(value: PyValue, root: string, at: RawTask['at']): PyMap {
  if (!isMap(value))
    throw configError('INVALID_VALUE', 'params.resources_: expected a map of files', {
      at: at('params', 'resources_'),
    });
  return Object.fromEntries(
    Object.entries(value).map(([key, path]) => {
      const file = typeof path === 'string' ? resolve(root, path) : undefined;
      if (file === undefined || !isFile(file))
        throw configError('SOURCE_MISSING', `the resource ${String(path)} is no file`, {
          at: at('params', 'resources_', key),
        });
      return [key, file];
    }),
  );
}
