import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import type { ScalarTag } from 'yaml';
import { configError, DatamillError, errorMessage, type Location } from '../errors.ts';
import { type ParsedDocument, parseYaml, parseYamlStream } from './document.ts';

/** Configuration is written by people: anything larger was named by mistake. */
const MAX_BYTES = 1024 * 1024;
/** Values and manifests may be generated, and hold whole dashboards or resource definitions. */
const MAX_GENERATED_BYTES = 4 * 1024 * 1024;

/**
 * Reads and parses one YAML file: the one place of this folder that touches the disk.
 *
 * @param what what the file is, for messages ("flavour", "target", …).
 * @param from where the file was named, if it was named in a file.
 * @param scalars how plain scalars are read, instead of the YAML 1.2 core schema.
 * @throws {DatamillError} FILE_MISSING, FILE_IS_FOLDER, FILE_TOO_LARGE, FILE_UNREADABLE or YAML_SYNTAX (exit 2).
 */
export function readDocument(
  file: string,
  what: string,
  from?: Location,
  scalars?: readonly ScalarTag[],
): ParsedDocument {
  return parseYaml(readText(file, what, from), file, scalars);
}

/** The same for a file that may hold several documents, as manifests do. */
export function readDocuments(file: string, what: string, from?: Location): ParsedDocument[] {
  return parseYamlStream(readText(file, what, from), file);
}

function readText(file: string, what: string, from: Location | undefined): string {
  const generated = ['values', 'deployment', 'pipeline'].includes(what);
  const bytes = readBytes(file, what, generated ? MAX_GENERATED_BYTES : MAX_BYTES, from);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw configError('FILE_ENCODING', `the ${what} file ${file} is not UTF-8 text`, {
      cause,
      at: { file, line: 1, column: 1 },
      hint: 'save it as UTF-8',
    });
  }
}

/** Shared by all reads: none goes on while another begins. */
const window = Buffer.allocUnsafe(64 * 1024);

/** Reads no more than the limit, whatever size the file says it has: devices and pipes say 0. */
function readBytes(file: string, what: string, limit: number, from: Location | undefined): Buffer {
  let handle: number | undefined;
  try {
    handle = openSync(file, 'r');
    if (fstatSync(handle).isDirectory()) throw folderError(file, what, from);
    const chunks: Buffer[] = [];
    for (let total = 0; ; ) {
      const length = readSync(handle, window);
      if (length === 0) return Buffer.concat(chunks);
      total += length;
      if (total > limit) throw sizeError(file, what, limit, from);
      chunks.push(Buffer.from(window.subarray(0, length)));
    }
  } catch (cause) {
    throw cause instanceof DatamillError ? cause : openError(file, what, from, cause);
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}

function openError(file: string, what: string, from: Location | undefined, cause: unknown): DatamillError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return configError('FILE_MISSING', `the ${what} file ${file} does not exist`, {
      at: from ?? { file },
      hint: 'check the path; relative paths are relative to the file that holds them',
    });
  }
  return configError('FILE_UNREADABLE', `the ${what} file ${JSON.stringify(file)} cannot be read`, {
    cause,
    at: from ?? { file },
    hint: code === 'EACCES' ? 'check its permissions' : errorMessage(cause),
  });
}

function folderError(file: string, what: string, from: Location | undefined): DatamillError {
  return configError('FILE_IS_FOLDER', `${file} is a folder, not a ${what} file`, {
    at: from ?? { file },
    hint: `name a YAML file in it, such as ${file}/${what}.yaml`,
  });
}

function sizeError(file: string, what: string, limit: number, from: Location | undefined): DatamillError {
  return configError(
    'FILE_TOO_LARGE',
    `${file} is larger than the ${limit / 1024 / 1024} MiB that a ${what} file may have`,
    { at: from ?? { file }, hint: 'is this the right file?' },
  );
}

/** The first of these files that is there. */
export function firstExisting(files: readonly string[]): string | undefined {
  return files.find((file) => existsSync(file));
}
