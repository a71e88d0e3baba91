import { createDecipheriv, createHash } from 'node:crypto';
import type { ParsedDocument } from '../config/document.ts';
import type { Tree } from '../config/merge.ts';
import { configError, type Location } from '../errors.ts';
import { dataKeyOf } from './age.ts';
import type { LoadOptions, SecretValue } from './types.ts';

// The format is that of sops 3 (github.com/getsops/sops: aes/cipher.go, sops.go): every value is
// encrypted by AES-256-GCM with its path as additional data, and a MAC over all values in the
// order of the file, encrypted with the time of the last change, shows that none was taken away.

const ENCRYPTED =
  /^ENC\[AES256_GCM,data:([A-Za-z0-9+/=]*),iv:([A-Za-z0-9+/=]+),tag:([A-Za-z0-9+/=]+),type:(\w+)\]$/;

/** sops begins the MAC with this when only encrypted values count. */
const ONLY_ENCRYPTED = Buffer.from('8a3fd2ad54ce66527b1034f3d147be0b0b975b3bf44f72c6fdadec8176f27d69', 'hex');

/**
 * Decrypts the values of a file that sops encrypted for age, in memory.
 *
 * @throws {DatamillError} SOPS_KEY, SOPS_TAMPERED, SOPS_FORMAT (exit 2) with the place.
 */
export async function decryptSops(
  document: ParsedDocument,
  values: readonly SecretValue[],
  options: LoadOptions,
): Promise<SecretValue[]> {
  const metadata = (document.data as Tree).sops as Tree;
  const at = document.locate(['sops'], 'key');
  const { lastmodified, mac } = metadata;
  if (typeof lastmodified !== 'string' || typeof mac !== 'string')
    throw formatError(document.file, 'it lacks its MAC or the time of its last change', at);
  const key = await dataKeyOf(document.file, metadata, at, options);
  const onlyEncrypted = metadata.mac_only_encrypted === true;
  const hash = createHash('sha512');
  if (onlyEncrypted) hash.update(ONLY_ENCRYPTED);
  const clear = values.map((one) => {
    const found = decryptValue(one, key, onlyEncrypted);
    hash.update(found.value);
    return found;
  });
  const said = open(mac, key, lastmodified);
  if (said?.text !== hash.digest('hex').toUpperCase())
    throw configError(
      'SOPS_TAMPERED',
      `${document.file} was changed after sops encrypted it: its MAC does not match`,
      { at: document.locate(['sops', 'mac']), hint: remedy(document.file) },
    );
  return clear;
}

function decryptValue(one: SecretValue, key: Buffer, onlyEncrypted: boolean): SecretValue {
  const path = `${one.name}.${one.key}`;
  // sops leaves the empty text as it is.
  if (one.value === '') return one;
  if (!ENCRYPTED.test(one.value)) {
    // Without this the MAC says nothing of it, and anybody could have put it there.
    if (onlyEncrypted)
      throw configError('SOPS_TAMPERED', `${path} is not encrypted, in a file whose MAC does not cover it`, {
        at: one.at,
        hint: remedy(one.source),
      });
    return one;
  }
  const found = open(one.value, key, `${one.name}:${one.key}:`);
  if (found === undefined)
    throw configError('SOPS_TAMPERED', `${path} was changed after sops encrypted it`, {
      at: one.at,
      hint: remedy(one.source),
    });
  if (found.type !== 'str')
    throw configError('INVALID_VALUE', `${path}: expected text, got a value of sops' type ${found.type}`, {
      at: one.at,
      hint: `quote the value: \`sops edit ${one.source}\``,
    });
  return { ...one, value: found.text };
}

/** The text of an encrypted value; undefined when it is not what was encrypted with this key for this place. */
function open(value: string, key: Buffer, additional: string): { text: string; type: string } | undefined {
  const [, data = '', iv = '', tag = '', type = ''] = ENCRYPTED.exec(value) ?? [];
  const bytes = (text: string) => Buffer.from(text, 'base64');
  if (bytes(tag).length !== 16 || iv === '') return undefined;
  try {
    const cipher = createDecipheriv('aes-256-gcm', key, bytes(iv), { authTagLength: 16 });
    cipher.setAAD(Buffer.from(additional));
    cipher.setAuthTag(bytes(tag));
    const text = Buffer.concat([cipher.update(bytes(data)), cipher.final()]).toString('utf8');
    return { text, type };
  } catch {
    return undefined;
  }
}

function formatError(file: string, what: string, at: Location) {
  return configError('SOPS_FORMAT', `${file} is not as sops writes it: ${what}`, {
    at,
    hint: 'encrypt it again: `sops encrypt --in-place FILE`',
  });
}

function remedy(file: string): string {
  return `take back the change, or write the value with \`sops edit ${file}\`; changes by other means break the file's MAC`;
}
