import {
  constants,
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';
import { configError, DatamillError } from '../errors.ts';

/** Between the three parts of a text; the format is that of vantage6-common's `RSACryptor`. */
const SEPARATOR = '$';
const KEY_BYTES = 32;
const IV_BYTES = 16;

/**
 * How texts travel between organizations: `b64(RSA(key))$b64(iv)$b64(AES-256-CTR(text))`, the key
 * padded as in PKCS #1 v1.5. The format has no checksum: who can change a text on its way can flip
 * bits of it.
 */
export interface Cryptor {
  /** @param publicKey the receiver's, base64 of PEM as the server keeps it. */
  encrypt(data: Uint8Array, publicKey: string): string;
  /** @throws {DatamillError} NODE_DECRYPT */
  decrypt(text: string): Uint8Array;
  /** Ours, in the server's form; undefined where nothing is encrypted. */
  publicKey?: string;
}

/** Where a collaboration does not encrypt: base64, as everywhere in the protocol. */
export const plain: Cryptor = {
  encrypt: (data) => Buffer.from(data).toString('base64'),
  decrypt: (text) => Buffer.from(text, 'base64'),
};

/**
 * @param pem our private key.
 * @throws {DatamillError} NODE_KEY (exit 2)
 */
export function rsaCryptor(pem: string): Cryptor {
  const key = loadKey(pem);
  const publicPem = createPublicKey(key).export({ type: 'spki', format: 'pem' }) as string;
  return {
    publicKey: Buffer.from(publicPem).toString('base64'),
    encrypt(data, publicKey) {
      const secret = randomBytes(KEY_BYTES);
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv('aes-256-ctr', secret, iv);
      const body = Buffer.concat([cipher.update(data), cipher.final()]);
      const receiver = createPublicKey(Buffer.from(publicKey, 'base64').toString('utf8'));
      const wrapped = publicEncrypt({ key: receiver, padding: constants.RSA_PKCS1_PADDING }, secret);
      return [wrapped, iv, body].map((part) => part.toString('base64')).join(SEPARATOR);
    },
    decrypt(text) {
      const parts = text.split(SEPARATOR);
      if (parts.length !== 3) throw broken('it has not the three parts of an encrypted text');
      const [wrapped, iv, body] = parts.map((part) => Buffer.from(part, 'base64'));
      const secret = unwrap(key, wrapped!);
      if (iv!.length !== IV_BYTES) throw broken('its initialisation vector has not 16 bytes');
      const decipher = createDecipheriv('aes-256-ctr', secret, iv!);
      return Buffer.concat([decipher.update(body!), decipher.final()]);
    },
  };
}

function loadKey(pem: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'rsa') return key;
  } catch {
    // Said below: what a parser says of a secret is not shown.
  }
  throw configError('NODE_KEY', 'encryption.private_key_file holds no RSA key in PEM', {
    hint: '`openssl genrsa 4096` makes one',
  });
}

/**
 * Node takes the padding away no more since it can be used to guess texts (CVE-2023-46809), and the
 * protocol knows no other. So a wrong padding is not told: it gives a key that nobody can know,
 * always the same for one text, as OpenSSL 3.2 does.
 */
function unwrap(key: KeyObject, wrapped: Buffer): Buffer {
  const instead = createHmac('sha256', key.export({ type: 'pkcs8', format: 'der' }))
    .update(wrapped)
    .digest();
  let block: Buffer;
  try {
    block = privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, wrapped);
  } catch {
    throw broken('its key is no RSA ciphertext of this size');
  }
  // RFC 8017, 7.2.2: 00 02, at least eight bytes that are not 0, 00, the text.
  const end = block.indexOf(0, 2);
  const padded = block[0] === 0 && block[1] === 2 && end >= 10;
  const secret = padded ? block.subarray(end + 1) : instead;
  if (secret.length === KEY_BYTES) return secret;
  // The user interface of vantage6 wraps the base64 of the key.
  const decoded = Buffer.from(secret.toString('latin1'), 'base64');
  return decoded.length === KEY_BYTES ? decoded : instead;
}

function broken(why: string): DatamillError {
  return new DatamillError('NODE_DECRYPT', `an encrypted text cannot be read: ${why}`, {
    hint: 'does the server have the public key of this node for its organization?',
  });
}
