import { dirname } from 'node:path';
import type { SecretsSection } from '../config/schema/secrets.ts';
import { configError } from '../errors.ts';
import { resolvePath } from '../util/paths.ts';
import { registerSecrets } from '../util/redact.ts';
import { readEnvironment } from './env.ts';
import { readSecretsFile } from './file.ts';
import type { LoadOptions, SecretValue } from './types.ts';

export type { SecretValue } from './types.ts';

/** The API server takes no Secret that is larger. */
const MAX_BYTES = 1024 * 1024;

/**
 * Reads the Secrets that a flavour defines itself from all their sources. Values are only held in
 * memory, and hidden from then on in everything that is printed.
 *
 * @throws {DatamillError} exit 2, naming the source and the key of what cannot be had.
 */
export async function loadSecrets(section: SecretsSection, options: LoadOptions): Promise<SecretValue[]> {
  const { words, locate } = section;
  const values: SecretValue[] = [];
  const files = words.file === undefined ? [] : [words.file].flat();
  for (const [index, file] of files.entries()) {
    const at = locate(Array.isArray(words.file) ? ['file', index] : ['file']);
    values.push(...(await readSecretsFile(resolvePath(file, dirname(at.file)), at, options)));
  }
  if (words.env !== undefined) values.push(...readEnvironment(section, options));
  if (words.vault !== undefined) {
    const { readVault } = await import('./vault.ts');
    values.push(...(await readVault(section, words.vault, options)));
  }
  registerSecrets(...values.map(({ value }) => value));
  checkTogether(values);
  return values;
}

function checkTogether(values: readonly SecretValue[]): void {
  const seen = new Map<string, SecretValue>();
  const sizes = new Map<string, number>();
  for (const one of values) {
    const path = `${one.name}.${one.key}`;
    const other = seen.get(path);
    if (other !== undefined)
      throw configError('SECRET_TWICE', `${path} comes from ${other.source} and from ${one.source}`, {
        at: one.at,
        hint: 'keep it in one of them',
      });
    seen.set(path, one);
    const size = (sizes.get(one.name) ?? 0) + Buffer.byteLength(one.value);
    sizes.set(one.name, size);
    if (size > MAX_BYTES)
      throw configError('SECRET_TOO_LARGE', `${path} makes the Secret ${one.name} larger than 1 MiB`, {
        at: one.at,
        hint: 'Kubernetes takes no larger ones: keep large files in the object store',
      });
  }
}
