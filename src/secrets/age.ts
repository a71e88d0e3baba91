import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { isTree, type Tree } from '../config/merge.ts';
import { configError, errorMessage, type Location } from '../errors.ts';
import type { LoadOptions } from './types.ts';

/** Secret keys of age, native and post-quantum; those of plugins and SSH are not among them. */
const IDENTITY = /^AGE-SECRET-KEY-(PQ-)?1[0-9A-Z]+$/;
const KEY_BYTES = 32;

/** Keys of age, and where they were looked for. */
interface Keyring {
  identities: string[];
  /** Places that have keys, or (when none has) those that could have. */
  places: string[];
}

/**
 * The key that a file of sops is encrypted with, itself encrypted for age.
 *
 * @throws {DatamillError} SOPS_KEY (exit 2) when no key is there, or none fits.
 */
export async function dataKeyOf(
  file: string,
  metadata: Tree,
  at: Location,
  { env }: Pick<LoadOptions, 'env'>,
): Promise<Buffer> {
  const stanzas = stanzasOf(metadata);
  if (stanzas.length === 0)
    throw configError('SOPS_KEY', `${file} is not encrypted for age, the only kind of key read here`, {
      at,
      hint: 'add an age recipient to it: `sops rotate --add-age age1… --in-place FILE`',
    });
  const { identities, places } = await keyring(env);
  const recipients = stanzas.map(({ recipient }) => recipient).join(', ');
  if (identities.length === 0)
    throw configError('SOPS_KEY', `no age key is there to decrypt ${file}, which is for ${recipients}`, {
      at,
      hint: `put the key into one of ${places.join(', ')}`,
    });
  const { armor, Decrypter } = await import('age-encryption');
  const decrypter = new Decrypter();
  for (const identity of identities) addIdentity(decrypter, identity, places);
  for (const { enc } of stanzas) {
    try {
      const key = Buffer.from(await decrypter.decrypt(armor.decode(enc)));
      if (key.length === KEY_BYTES) return key;
    } catch (error) {
      if (/no identity matched/i.test(errorMessage(error))) continue;
      throw configError('SOPS_FORMAT', `the age part of ${file} is damaged: ${errorMessage(error)}`, { at });
    }
  }
  throw configError(
    'SOPS_KEY',
    `no age key in ${places.join(', ')} opens ${file}, which is for ${recipients}`,
    {
      at,
      hint: 'get a key that it is for, or have it encrypted for yours: `sops updatekeys FILE`',
    },
  );
}

function stanzasOf(metadata: Tree): Array<{ recipient: string; enc: string }> {
  // Several groups mean that the key is split among them, which age alone cannot put together.
  if (Array.isArray(metadata.key_groups) && metadata.key_groups.length > 1) return [];
  const stanzas = Array.isArray(metadata.age) ? metadata.age : [];
  return stanzas
    .filter(isTree)
    .flatMap(({ recipient, enc }) =>
      typeof recipient === 'string' && typeof enc === 'string' ? [{ recipient, enc }] : [],
    );
}

function addIdentity(
  decrypter: { addIdentity(identity: string): void },
  identity: string,
  places: string[],
): void {
  try {
    decrypter.addIdentity(identity);
  } catch (cause) {
    throw configError('SOPS_KEY', `a key in ${places.join(', ')} is not a valid age key`, {
      cause,
      hint: '`age-keygen` makes one',
    });
  }
}

/** All keys of the places that sops looks at: SOPS_AGE_KEY, SOPS_AGE_KEY_FILE and its own folder. */
async function keyring(env: NodeJS.ProcessEnv): Promise<Keyring> {
  const own = join(configFolder(env), 'sops', 'age', 'keys.txt');
  const texts: Array<[place: string, text: string]> = [];
  if (env.SOPS_AGE_KEY) texts.push(['SOPS_AGE_KEY', env.SOPS_AGE_KEY]);
  if (env.SOPS_AGE_KEY_FILE) {
    try {
      texts.push([env.SOPS_AGE_KEY_FILE, await readFile(env.SOPS_AGE_KEY_FILE, 'utf8')]);
    } catch (cause) {
      throw configError('SOPS_KEY', `the key file ${env.SOPS_AGE_KEY_FILE} cannot be read`, {
        cause,
        hint: 'SOPS_AGE_KEY_FILE names it',
      });
    }
  }
  const text = await readFile(own, 'utf8').catch(() => '');
  if (text !== '') texts.push([own, text]);
  const found = texts
    .map(([place, content]) => ({ place, identities: identitiesIn(content) }))
    .filter(({ identities }) => identities.length > 0);
  return {
    identities: found.flatMap(({ identities }) => identities),
    places: found.length > 0 ? found.map(({ place }) => place) : [own, 'SOPS_AGE_KEY_FILE', 'SOPS_AGE_KEY'],
  };
}

function identitiesIn(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => IDENTITY.test(line));
}

function configFolder(env: NodeJS.ProcessEnv): string {
  if (env.XDG_CONFIG_HOME) return env.XDG_CONFIG_HOME;
  const home = env.HOME ?? homedir();
  return process.platform === 'darwin' ? join(home, 'Library', 'Application Support') : join(home, '.config');
}
