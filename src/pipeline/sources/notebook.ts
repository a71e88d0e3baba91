import { configError, type Location } from '../../errors.ts';
import { locateIn, problemIn, readSource } from '../files.ts';
import { readNotebook } from '../notebook/ipynb.ts';
import { readRVariable } from '../notebook/rlang.ts';
import { readRMarkdown, readScript, type Script } from '../notebook/script.ts';
import { readVariable, upstreamNames } from '../python/index.ts';
import { suffixOf } from '../spec/classes.ts';
import type { PyValue } from '../values.ts';
import type { Found, SourceQuery } from './types.ts';

/** The parameters cell of a script or notebook, with its place in the file. */
interface Parameters {
  language: 'python' | 'r';
  source?: string;
  place(offset: number): Location;
}

const HOW =
  'state it in the parameters cell as a constant: upstream = ["name", "other"], or upstream = None; or set meta.extract_upstream: false and list `upstream:` in the pipeline file';
const HOW_PRODUCT = 'state it in the parameters cell as a constant: product = {"nb": "out.ipynb"}';

/**
 * Reads what the parameters cell of a script or notebook states.
 *
 * @throws {DatamillError} SOURCE_*, UPSTREAM_NOT_CONSTANT, UPSTREAM_MISSING, … (exit 2).
 */
export function readNotebookSource(query: SourceQuery): Found {
  const { file, root, at, upstream, product } = query;
  const cell = parametersOf(readSource(file, root, at), query);
  const found: Found = { uses: [], missingCell: cell.source === undefined };
  if (upstream && cell.source !== undefined) found.uses = stated(cell, query);
  if (product) found.product = productOf(cell, query);
  return found;
}

function stated(cell: Parameters, { at }: SourceQuery): Found['uses'] {
  const problem = problemIn('UPSTREAM_NOT_CONSTANT', cell.place, HOW);
  if (cell.language === 'r') {
    const value = readRVariable(
      cell.source!,
      'upstream',
      problemIn('UPSTREAM_NOT_CONSTANT', cell.place, R_HOW),
    );
    return upstreamNames((value ?? null) as PyValue)!.map((name) => ({ name }));
  }
  const variable = readVariable(cell.source!, 'upstream', problem);
  if (variable === undefined)
    throw configError('UPSTREAM_MISSING', 'the parameters cell does not say what comes before this task', {
      at: cell.place(0),
      hint: 'add `upstream = None`, or `upstream = ["name"]`, to it',
    });
  const names = upstreamNames(variable.value);
  if (names === undefined)
    throw configError(
      'UPSTREAM_NOT_CONSTANT',
      'upstream must be None, or a list, tuple, set or dictionary of names',
      {
        at: cell.place(variable.start),
        hint: HOW,
      },
    );
  return names.map((name) => ({ name, at: () => cell.place(variable.start) ?? at() }));
}

const R_HOW = "state it as upstream = list('name'), or upstream = NULL, with lists and NULL only above it";

function productOf(cell: Parameters, { at }: SourceQuery): PyValue {
  const problem = problemIn('PRODUCT_NOT_CONSTANT', cell.place, HOW_PRODUCT);
  const { source = '' } = cell;
  const value =
    cell.language === 'r'
      ? (readRVariable(source, 'product', problem) as PyValue | undefined)
      : readVariable(source, 'product', problem)?.value;
  if (value === undefined || value === null)
    throw configError('PRODUCT_MISSING', 'the parameters cell does not say what this task makes', {
      at: cell.source === undefined ? at() : cell.place(0),
      hint: HOW_PRODUCT,
    });
  return value;
}

function parametersOf(text: string, query: SourceQuery): Parameters {
  const { file } = query;
  const suffix = suffixOf(file);
  if (suffix === '.ipynb') return ofNotebook(text, query);
  if (suffix === '.Rmd') return ofScript(readRMarkdown(text), 'r', file, query);
  if (suffix === '.py') return ofScript(readScript(text, 'python'), 'python', file, query);
  if (suffix === '.R' || suffix === '.r') return ofScript(readScript(text, 'r'), 'r', file, query);
  throw unreadable(query, `notebooks of the kind "${suffix}" cannot be read`, 'use .py, .ipynb, .R or .Rmd');
}

function ofScript(script: Script, language: 'python' | 'r', file: string, query: SourceQuery): Parameters {
  if (script.unsupported !== undefined)
    throw unreadable(query, script.unsupported, 'use the percent format: # %%');
  const { cell } = script;
  return { language, source: cell?.source, place: locateIn(cell?.source ?? '', file, cell?.line) };
}

function ofNotebook(text: string, query: SourceQuery): Parameters {
  const book = readNotebook(text);
  if (typeof book === 'string') throw unreadable(query, book, 'open and save it with Jupyter');
  const kernel = query.kernel ?? book.kernel;
  if (kernel === undefined && book.code.includes('<-'))
    throw unreadable(
      query,
      'the notebook does not say its language',
      'set kernelspec_name in the pipeline file',
    );
  const language = kernel === 'ir' || book.language === 'r' ? 'r' : 'python';
  if (book.language !== undefined && book.language !== 'r' && book.language !== 'python')
    throw unreadable(query, `notebooks in ${book.language} cannot be read`, 'Python and R can be read');
  const { source } = book.cell ?? {};
  return { language, source, place: (offset) => placeInJson(text, source ?? '', offset, query.file) };
}

/** Where a line of a cell stands in the JSON text of the notebook. */
function placeInJson(text: string, source: string, offset: number, file: string): Location {
  const before = source.slice(0, offset).split('\n');
  const line = source.split('\n')[before.length - 1] ?? '';
  const tag = Math.max(0, text.indexOf('"parameters"'));
  const written = JSON.stringify(line).slice(1, -1);
  const near = text.indexOf(written, tag);
  const found = near < 0 ? text.indexOf(written) : near;
  const column = JSON.stringify(before.at(-1) ?? '').length - 2;
  return locateIn(text, file)(written === '' || found < 0 ? tag : found + column);
}

function unreadable({ file, at }: SourceQuery, message: string, hint: string) {
  return configError('SOURCE_INVALID', message, { at: at() ?? { file }, hint });
}
