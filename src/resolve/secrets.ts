import { dropNulls, type Tree } from '../config/merge.ts';
import { Secrets, type SecretsSection } from '../config/schema/secrets.ts';
import { validate } from '../config/validate.ts';
import type { Flavour } from './flavour.ts';

/**
 * Reads `secrets:` of a flavour; undefined when there is none. What it names is read later.
 *
 * @throws {DatamillError} UNKNOWN_KEY, INVALID_VALUE (exit 2).
 */
export function resolveSecrets({ document }: Flavour): SecretsSection | undefined {
  const said = (document.data as Tree).secrets;
  if (said === undefined || said === null) return undefined;
  const words = validate(Secrets, dropNulls(said), { document, path: ['secrets'], label: 'secrets' });
  return { words, locate: (path, part) => document.locate(['secrets', ...path], part) };
}
