import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import type { ParsedDocument, Path } from '../../config/document.ts';
import { unknownKey } from '../../config/validate.ts';
import { configError, type Location } from '../../errors.ts';
import { readPipelineDocument } from '../document.ts';
import { expandDocument, type Values } from '../expand.ts';
import { isInside } from '../files.ts';
import type { Problems } from '../problems.ts';
import type { Place } from '../types.ts';
import { isMap, type PyMap, type PyValue } from '../values.ts';
import { hasKnownSuffix } from './classes.ts';
import { type Meta, readMeta } from './meta.ts';

/** A task as it stands in the file, with placeholders filled in. */
export interface RawTask {
  data: PyMap;
  at(...path: string[]): Location;
}

export interface Spec {
  meta: Meta;
  tasks: RawTask[];
  /** Placeholders that were used. */
  used: Set<string>;
}

const KEYS = [
  'meta',
  'config',
  'clients',
  'tasks',
  'serializer',
  'unserializer',
  'executor',
  'on_finish',
  'on_render',
  'on_failure',
];

/**
 * Reads a pipeline file and the file that it imports tasks from.
 *
 * @throws {DatamillError} for what makes reading on useless; the rest is collected.
 */
export function readSpec(place: Place, document: ParsedDocument, values: Values, problems: Problems): Spec {
  const used = new Set<string>();
  const isList = Array.isArray(document.data);
  const raw = topLevel(document);
  const data = expandDocument(
    raw as PyValue,
    isList ? inTasks(document) : document,
    values,
    problems,
    used,
  ) as PyMap;
  const meta = readMeta(data.meta ?? undefined, document, place.folder);
  const list = data.tasks;
  if (!Array.isArray(list))
    throw configError('INVALID_VALUE', 'tasks: expected a list of tasks', { at: document.locate(['tasks']) });
  const prefix: Path = isList ? [] : ['tasks'];
  const tasks = list.map((task, index) => rawTask(task, document, [...prefix, index]));
  if (meta.importFrom !== undefined)
    tasks.push(...importTasks(meta.importFrom, place, document, values, problems, used));
  return { meta, tasks, used };
}

/** A file that is a list is a list of tasks. */
function topLevel(document: ParsedDocument): PyMap {
  const { data } = document;
  if (Array.isArray(data)) return { tasks: data as PyValue[] };
  if (!isMap(data))
    throw configError('INVALID_VALUE', 'a pipeline file must be a map with `tasks:`, or a list of tasks', {
      at: document.locate([]),
      hint: 'tasks:\n  - source: clean.py\n    product: output/clean.ipynb',
    });
  if ('location' in data)
    throw configError('NEEDS_PYTHON', 'this pipeline is made by a function (`location:`)', {
      at: document.locate(['location'], 'key'),
      hint: 'nothing of the project is run here: write its tasks into the pipeline file',
    });
  for (const key of Object.keys(data)) {
    if (!KEYS.includes(key)) throw unknownKey(key, KEYS, { document, path: [], label: '' });
  }
  if (!('tasks' in data))
    throw configError('INVALID_VALUE', 'the pipeline file has no `tasks:`', { at: document.locate([]) });
  return data;
}

/** Paths into the tasks of a document that is a list. */
function inTasks(document: ParsedDocument): ParsedDocument {
  return { ...document, locate: (path, part) => document.locate(path.slice(1), part) };
}

function rawTask(task: PyValue, document: ParsedDocument, path: Path): RawTask {
  const at = (...more: string[]) => document.locate([...path, ...more]);
  if (typeof task === 'string') return { data: { source: task }, at };
  if (isMap(task)) return { data: task, at };
  throw configError('INVALID_VALUE', 'a task must be a map with `source:`, or the name of a source', {
    at: at(),
  });
}

function importTasks(
  name: string,
  { folder, root }: Place,
  from: ParsedDocument,
  values: Values,
  problems: Problems,
  used: Set<string>,
): RawTask[] {
  const at = from.locate(['meta', 'import_tasks_from']);
  const file = resolve(folder, name);
  if (existsSync(file) && !isInside(realpathSync(file), realpathSync(root)))
    throw configError('SOURCE_OUTSIDE', `${name} is outside of the project`, {
      at,
      hint: 'copy it into the project',
    });
  const document = readPipelineDocument(file, 'pipeline', at);
  const { data } = document;
  if (!Array.isArray(data) || data.length === 0)
    throw configError('INVALID_VALUE', `${basename(file)}: expected a list of tasks, which is not empty`, {
      at: document.locate([]),
    });
  const expanded = expandDocument(data as PyValue, document, values, problems, used) as PyValue[];
  return expanded.map((task, index) => {
    const read = rawTask(task, document, [index]);
    const { source } = read.data;
    // Sources are relative to the file that names them.
    const relative = typeof source === 'string' && !source.startsWith('/') && hasKnownSuffix(source);
    return relative ? { ...read, data: { ...read.data, source: resolve(dirname(file), source) } } : read;
  });
}
