import { closeSync, constants, existsSync, fstatSync, openSync, readSync, realpathSync } from 'node:fs';
import { dirname, relative, resolve, sep } from 'node:path';
import { configError, DatamillError, type Location } from '../errors.ts';
import type { Problem } from './python/problem.ts';

/** Notebooks carry their outputs; larger ones are no sources. */
const MAX_BYTES = 64 * 1024 * 1024;

/** Whether a path is in a folder, or the folder itself. */
export function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !way.startsWith('/');
}

/**
 * Reads a source of the project. It must be in the project, also after links are followed: only the
 * project is there when the task runs.
 *
 * @throws {DatamillError} SOURCE_MISSING, SOURCE_OUTSIDE, SOURCE_INVALID (exit 2).
 */
export function readSource(path: string, root: string, at: () => Location): string {
  const file = resolve(root, path);
  if (!isInside(realFolder(dirname(file)), realFolder(root))) throw outside(file, root, at);
  const handle = openFile(file, root, at);
  try {
    const stat = fstatSync(handle);
    if (!stat.isFile()) throw problem('SOURCE_INVALID', `the source ${shown(file, root)} is no file`, at);
    if (stat.size > MAX_BYTES)
      throw problem(
        'SOURCE_INVALID',
        `the source ${shown(file, root)} has ${stat.size} bytes, more than the ${MAX_BYTES} that are read`,
        at,
        'clear the outputs of the notebook',
      );
    const bytes = stat.size <= window.length ? window : Buffer.allocUnsafeSlow(stat.size);
    const length = readSync(handle, bytes, 0, Math.min(stat.size, bytes.length), 0);
    return decoder.decode(bytes.subarray(0, length));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw problem(
      'SOURCE_INVALID',
      `the source ${shown(file, root)} is not UTF-8 text`,
      at,
      'save it as UTF-8',
    );
  } finally {
    closeSync(handle);
  }
}

/** Shared by all reads: none goes on while another begins. */
const window = Buffer.allocUnsafeSlow(64 * 1024);
const decoder = new TextDecoder('utf-8', { fatal: true });

function outside(file: string, root: string, at: () => Location): DatamillError {
  return problem(
    'SOURCE_OUTSIDE',
    `the source ${shown(file, root)} is outside of the project`,
    at,
    'copy it into the project: pods see nothing else',
  );
}

/** A pipe would keep the reader waiting for ever. */
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;

function openFile(file: string, root: string, at: () => Location): number {
  try {
    return openSync(file, FLAGS | constants.O_NOFOLLOW);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ELOOP') throw unreadable(cause, file, root, at);
  }
  try {
    const real = realpathSync.native(file);
    if (!isInside(real, realFolder(root))) throw outside(file, root, at);
    return openSync(real, FLAGS | constants.O_NOFOLLOW);
  } catch (cause) {
    throw cause instanceof DatamillError ? cause : unreadable(cause, file, root, at);
  }
}

function unreadable(cause: unknown, file: string, root: string, at: () => Location): DatamillError {
  const missing = ['ENOENT', 'ENOTDIR'].includes((cause as NodeJS.ErrnoException).code ?? '');
  return problem(
    missing ? 'SOURCE_MISSING' : 'SOURCE_INVALID',
    `the source ${shown(file, root)} ${missing ? 'does not exist' : 'cannot be read'}`,
    at,
    missing ? 'check the path, which begins at the folder of the project' : 'check its permissions and links',
  );
}

const realFolders = new Map<string, string>();

/** Sources share few folders: each is followed once. */
function realFolder(folder: string): string {
  let real = realFolders.get(folder);
  if (real === undefined) {
    real = existsSync(folder) ? realpathSync.native(folder) : folder;
    realFolders.set(folder, real);
  }
  return real;
}

/** A path as people of the project write it. */
export function shown(path: string, root: string): string {
  return isInside(path, root) ? relative(root, path) || '.' : path;
}

function problem(code: string, message: string, at: () => Location, hint?: string): DatamillError {
  return configError(code, message, { at: at(), hint });
}

/** Line and column, from 1, of an offset in a text that begins on `line` (from 0) of a file. */
export function locateIn(text: string, file: string, line = 0): (offset: number) => Location {
  return (offset) => {
    const before = text.slice(0, offset).split(/\r\n|\n|\r/);
    return { file, line: line + before.length, column: (before.at(-1)?.length ?? 0) + 1 };
  };
}

/** Makes errors of one kind for offsets of a text. */
export function problemIn(code: string, place: (offset: number) => Location, hint?: string): Problem {
  return (offset, message) => configError(code, message, { at: place(offset), hint });
}
