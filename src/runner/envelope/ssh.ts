import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { configError } from '../../errors.ts';

const TYPE = 'ssh-ed25519';
/** What stands before the 32 bytes of a public key in its DER form (RFC 8410). */
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

/** A public key as a line of OpenSSH, `ssh-ed25519 AAAA… comment`. @throws {DatamillError} BAD_KEY (exit 2). */
export function parsePublicKey(line: string): KeyObject {
  const [type, encoded = ''] = line.trim().split(/\s+/);
  const fields = readFields(Buffer.from(encoded, 'base64'));
  const [name, raw] = fields;
  if (type !== TYPE || name?.toString() !== TYPE || raw?.length !== 32)
    throw configError('BAD_KEY', 'this is no public key of the kind ssh-ed25519');
  return createPublicKey({ key: Buffer.concat([SPKI, raw]), format: 'der', type: 'spki' });
}

/** `SHA256:…` of a key, as OpenSSH prints it. */
export function fingerprintOf(key: KeyObject): string {
  const raw = key.export({ format: 'der', type: 'spki' }).subarray(SPKI.length);
  const wire = Buffer.concat([field(Buffer.from(TYPE)), field(raw)]);
  return `SHA256:${createHash('sha256').update(wire).digest('base64').replace(/=+$/, '')}`;
}

/**
 * A private key in PEM, or as OpenSSH writes it, without a passphrase (PROTOCOL.key of OpenSSH).
 *
 * @throws {DatamillError} BAD_KEY (exit 2).
 */
export function parsePrivateKey(text: string): KeyObject {
  const [, body] = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]*?)-----END/.exec(text) ?? [];
  if (body === undefined) {
    const key = createPrivateKey(text);
    if (key.asymmetricKeyType !== 'ed25519')
      throw configError('BAD_KEY', 'the key to sign with is no Ed25519 key');
    return key;
  }
  const bytes = Buffer.from(body, 'base64');
  const wrong = (why: string) => configError('BAD_KEY', `the key to sign with cannot be used: ${why}`);
  const magic = 'openssh-key-v1\0';
  if (bytes.subarray(0, magic.length).toString('latin1') !== magic) throw wrong('it is damaged');
  const [cipher] = readFields(bytes.subarray(magic.length));
  if (cipher?.toString() !== 'none') throw wrong('it has a passphrase');
  // cipher, kdf, its options, the number of keys, the public key, then the private part.
  let at = magic.length;
  for (let skipped = 0; skipped < 3; skipped++) at += 4 + bytes.readUInt32BE(at);
  at += 4;
  at += 4 + bytes.readUInt32BE(at);
  const inner = readFields(bytes.subarray(at + 4 + 8));
  const [type, , secret] = inner;
  if (type?.toString() !== TYPE || secret?.length !== 64) throw wrong(`it is no ${TYPE}`);
  return createPrivateKey({
    key: Buffer.concat([PKCS8, secret.subarray(0, 32)]),
    format: 'der',
    type: 'pkcs8',
  });
}

function field(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** Fields of a length and as many bytes, as far as they go. */
function readFields(bytes: Buffer): Buffer[] {
  const fields: Buffer[] = [];
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    if (at + 4 + length > bytes.length) break;
    fields.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return fields;
}
