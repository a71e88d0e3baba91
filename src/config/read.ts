import { existsSync, readFileSync, statSync } from 'node:fs';
import { configError, type Location } from '../errors.ts';
import { type ParsedDocument, parseYaml } from './document.ts';

/** Configuration is written by people: anything larger was named by mistake. */
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * Reads and parses one YAML file: the one place of this folder that touches the disk.
 *
 * @param what what the file is, for messages ("flavour", "target", …).
 * @param from where the file was named, if it was named in a file.
 * @throws {DatamillError} FILE_MISSING, FILE_IS_FOLDER, FILE_TOO_LARGE, FILE_UNREADABLE or YAML_SYNTAX (exit 2).
 */
export function readDocument(file: string, what: string, from?: Location): ParsedDocument {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat === undefined) {
    throw configError('FILE_MISSING', `the ${what} file ${file} does not exist`, {
      at: from,
      hint: 'check the path; relative paths are relative to the file that holds them',
    });
  }
  if (stat.isDirectory()) {
    throw configError('FILE_IS_FOLDER', `${file} is a folder, not a ${what} file`, {
      at: from,
      hint: `name a YAML file in it, such as ${file}/${what}.yaml`,
    });
  }
  if (stat.size > MAX_BYTES) {
    const size = `${Math.round(stat.size / 1024 / 1024)} MiB`;
    throw configError(
      'FILE_TOO_LARGE',
      `${file} has ${size}; a ${what} file may have ${MAX_BYTES / 1024 / 1024} MiB`,
      {
        at: { file },
        hint: 'is this the right file?',
      },
    );
  }
  return parseYaml(readText(file, what), file);
}

function readText(file: string, what: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    throw configError('FILE_UNREADABLE', `the ${what} file ${file} cannot be read`, {
      cause,
      hint: 'check its permissions',
      at: { file },
    });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw configError('FILE_ENCODING', `${file} is not UTF-8 text`, {
      cause,
      at: { file },
      hint: 'save it as UTF-8',
    });
  }
}

/** The first of these files that is there. */
export function firstExisting(files: readonly string[]): string | undefined {
  return files.find((file) => existsSync(file));
}
