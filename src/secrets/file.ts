import { stat } from 'node:fs/promises';
import type { ParsedDocument } from '../config/document.ts';
import { isTree } from '../config/merge.ts';
import { readDocument } from '../config/read.ts';
import { secretKey, secretName } from '../config/schema/secrets.ts';
import { validate } from '../config/validate.ts';
import { configError, DatamillError, type Location } from '../errors.ts';
import type { LoadOptions, SecretValue } from './types.ts';

/** Where sops keeps what it needs to decrypt a file; no name of a Secret in such a file. */
const SOPS = 'sops';

/**
 * Reads a file of the form `NAME: {key: value}`: one that sops encrypted, or a plain one.
 *
 * @param from where the file was named.
 * @throws {DatamillError} exit 2, with the place in the file.
 */
export async function readSecretsFile(
  file: string,
  from: Location,
  options: LoadOptions,
): Promise<SecretValue[]> {
  const document = readSecretly(file, from);
  const encrypted = isTree(document.data) && isTree(document.data[SOPS]);
  const values = valuesOf(document, encrypted);
  if (encrypted) {
    const { decryptSops } = await import('./sops.ts');
    return await decryptSops(document, values, options);
  }
  await warnOfReaders(file, options);
  return values;
}

/** Places in the file are told without the lines that stand there. */
function readSecretly(file: string, from: Location): ParsedDocument {
  try {
    const document = readDocument(file, 'secrets', from);
    const locate: ParsedDocument['locate'] = (...args) => ({ ...document.locate(...args), secret: true });
    return { ...document, locate };
  } catch (error) {
    if (!(error instanceof DatamillError) || error.at?.file !== file) throw error;
    const { code, hint, exitCode } = error;
    // What the parser says may quote the file: a password that begins with `*` is an alias to it.
    const message = code.startsWith('YAML') ? 'this is not valid YAML' : error.message;
    throw new DatamillError(code, message, { hint, exitCode, at: { ...error.at, secret: true } });
  }
}

/** The values in the order of the file, which is the order that sops signs them in. */
function valuesOf(document: ParsedDocument, encrypted: boolean): SecretValue[] {
  const { data, file } = document;
  if (!isTree(data)) throw shapeError(document, [], 'expected Secrets, each with its keys');
  const values = Object.entries(data)
    .filter(([name]) => !(encrypted && name === SOPS))
    .flatMap(([name, keys]) => {
      const { locate } = document;
      const named = { ...document, locate: () => locate([name], 'key') };
      validate(secretName, name, { document: named, path: [], label: name });
      if (!isTree(keys)) throw shapeError(document, [name], `${name}: expected a map of keys and values`);
      return Object.entries(keys).map(([key, value]): SecretValue => {
        const keyed = { ...document, locate: () => locate([name, key], 'key') };
        validate(secretKey, key, { document: keyed, path: [], label: `${name}.${key}` });
        if (typeof value !== 'string')
          throw shapeError(document, [name, key], `${name}.${key}: expected text`, textHint(value));
        return { name, key, value, source: file, at: locate([name, key]) };
      });
    });
  return values.sort((a, b) => place(a) - place(b));
}

function place({ at }: SecretValue): number {
  return (at?.line ?? 0) * 1e6 + (at?.column ?? 0);
}

function textHint(value: unknown): string {
  return typeof value === 'number' || typeof value === 'boolean'
    ? 'quote it: a number or a switch may be written in more than one way'
    : 'every value of a Secret is text, in quotes where it could be read as something else';
}

function shapeError(
  document: ParsedDocument,
  path: string[],
  message: string,
  hint = 'the file has the form `NAME: { key: "value" }`',
): DatamillError {
  return configError('INVALID_VALUE', message, { at: document.locate(path), hint });
}

/** A file that is not encrypted should be for its owner only. */
async function warnOfReaders(file: string, { warn }: LoadOptions): Promise<void> {
  const { mode } = await stat(file);
  if (process.platform === 'win32' || (mode & 0o077) === 0) return;
  warn(
    `the secrets in this file are not encrypted, and others can read it (mode ${(mode & 0o777).toString(8)}): \`chmod 600 ${file}\`, or encrypt it with sops`,
    { file },
  );
}
