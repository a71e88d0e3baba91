import type { SecretsSection } from '../config/schema/secrets.ts';
import { configError, type DatamillError } from '../errors.ts';
import type { LoadOptions, SecretValue } from './types.ts';

/**
 * Reads values from environment variables.
 *
 * @throws {DatamillError} SECRET_VARIABLE (exit 2) with every variable that is not set.
 */
export function readEnvironment(
  { words, locate }: SecretsSection,
  { env }: Pick<LoadOptions, 'env'>,
): SecretValue[] {
  const missing: DatamillError[] = [];
  const values = Object.entries(words.env ?? {}).flatMap(([name, keys]) =>
    Object.entries(keys).flatMap(([key, variable]): SecretValue[] => {
      const value = env[variable];
      const at = locate(['env', name, key]);
      if (value !== undefined && value !== '')
        return [{ name, key, value, source: `the variable ${variable}`, at }];
      missing.push(
        configError(
          'SECRET_VARIABLE',
          `${name}.${key} comes from the environment variable ${variable}, which is ${value === '' ? 'empty' : 'not set'}`,
          { at, hint: `set ${variable} and run the command again` },
        ),
      );
      return [];
    }),
  );
  const [first, ...others] = missing;
  if (first === undefined) return values;
  throw configError(first.code, first.message, { at: first.at, hint: first.hint, others });
}
