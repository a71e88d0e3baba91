import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { configError } from '../errors.ts';
import { fnmatch } from './fnmatch.ts';
import { isFile } from './place.ts';
import { DEFAULT_PRODUCTS, suffixOf } from './spec/classes.ts';
import type { Meta } from './spec/meta.ts';
import type { RawTask, Spec } from './spec/read.ts';
import type { Place } from './types.ts';

const SUFFIXES = ['.py', '.R', '.Rmd', '.r', '.ipynb'];

/** A pipeline without a pipeline file: every script of a folder, or all that match a pattern. */
export interface LooseEntry {
  place: Place;
  spec: Spec;
}

/**
 * Takes an entry point that is a folder or a pattern: the sources state upstream and product themselves.
 *
 * @returns undefined when the entry is a pipeline file.
 * @throws {DatamillError} SOURCE_UNKNOWN or PIPELINE_MISSING (exit 2).
 */
export function looseEntry(entry: string, cwd: string): LooseEntry | undefined {
  const path = resolve(cwd, entry);
  const isFolder = existsSync(path) && statSync(path).isDirectory();
  if (!isFolder && !(/[*?[]/.test(entry) && !existsSync(path))) return undefined;
  const files = isFolder
    ? readdirSync(path)
        .filter((name) => !name.startsWith('.') && SUFFIXES.includes(suffixOf(name)))
        .map((name) => join(entry, name))
    : glob(entry, cwd);
  const wrong = files.find((file) => !SUFFIXES.includes(suffixOf(file)));
  if (wrong !== undefined)
    throw configError('SOURCE_UNKNOWN', `${wrong} is no script or notebook`, {
      hint: `the pattern must match only ${SUFFIXES.join(', ')}`,
    });
  if (files.length === 0)
    throw configError('PIPELINE_MISSING', `${JSON.stringify(entry)} holds no scripts or notebooks`, {
      hint: 'name a pipeline file: -e path/to/pipeline.yaml',
    });
  const place: Place = { folder: cwd, root: cwd, name: basename(cwd) };
  const tasks: RawTask[] = files.sort().map((file) => ({
    data: { source: file },
    at: () => ({ file: resolve(cwd, file), line: 1, column: 1 }),
  }));
  const meta: Meta = {
    extractUpstream: true,
    extractProduct: true,
    relativeToSource: false,
    productClasses: DEFAULT_PRODUCTS,
  };
  return { place, spec: { meta, tasks, used: new Set() } };
}

/** Files that a pattern matches, as Python's `glob`: a star stays in its folder. */
function glob(pattern: string, cwd: string): string[] {
  let found = [pattern.startsWith('/') ? '/' : ''];
  for (const part of pattern.split('/').filter((one) => one !== '')) {
    found = found.flatMap((folder) => {
      if (!/[*?[]/.test(part)) return existsSync(resolve(cwd, folder, part)) ? [join(folder, part)] : [];
      const base = resolve(cwd, folder);
      if (!existsSync(base) || !statSync(base).isDirectory()) return [];
      return readdirSync(base)
        .filter((name) => (part.startsWith('.') || !name.startsWith('.')) && fnmatch(name, part))
        .map((name) => join(folder, name));
    });
  }
  return found.filter((file) => isFile(resolve(cwd, file)));
}
