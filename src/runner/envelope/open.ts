import { constants, createPrivateKey, type KeyObject, privateDecrypt } from 'node:crypto';
import nacl from 'tweetnacl';
import { configError } from '../../errors.ts';

/** A message whose request is encrypted: `docs/message_privacy.md` of studio-go-runner. */
export interface Envelope {
  /** `base64(RSA-OAEP of the session key),base64(nonce and secretbox)`. */
  payload: string;
  /** Of the payload's text, base64. */
  signature?: string;
  fingerprint?: string;
}

/** The envelope that a message is; undefined for a request in clear. */
export function envelopeOf(json: unknown): Envelope | undefined {
  const { message, signature } = (json ?? {}) as Record<string, unknown>;
  const { payload, ...rest } = (message ?? {}) as Record<string, unknown>;
  if (typeof payload !== 'string') return undefined;
  const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);
  return {
    payload,
    // The Go client puts it beside the message, the Python client in it.
    signature: text(rest.signature) ?? text(signature),
    fingerprint: text(rest.fingerprint),
  };
}

/** RSA keys that open envelopes, tried in turn. */
export function privateKey(pem: string, passphrase?: string): KeyObject {
  return createPrivateKey({ key: pem, passphrase });
}

/**
 * Opens a payload. What stands in clear beside it is advice only, and is not read.
 *
 * @throws {DatamillError} BAD_ENVELOPE.
 */
export function openPayload(payload: string, keys: readonly KeyObject[]): unknown {
  const [first = '', second = '', ...more] = payload.split(',');
  const locked = base64(first);
  const boxed = base64(second);
  if (locked === undefined || boxed === undefined || more.length > 0)
    throw bad('its payload is not two texts in base64');
  if (keys.length === 0) throw bad('this runner has no key: --encrypt-dir says where it is');
  const session = keys.map((key) => sessionKey(locked, key)).find((one) => one !== undefined);
  if (session === undefined) throw bad('it was made for another key');
  if (boxed.length < nacl.secretbox.nonceLength) throw bad('its payload is too short');
  const nonce = boxed.subarray(0, nacl.secretbox.nonceLength);
  const clear = nacl.secretbox.open(boxed.subarray(nacl.secretbox.nonceLength), nonce, session);
  if (clear === null) throw bad('its payload was changed');
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(clear));
  } catch (error) {
    throw bad(`it holds no JSON: ${(error as Error).message}`);
  }
}

function sessionKey(locked: Buffer, key: KeyObject): Uint8Array | undefined {
  try {
    const session = privateDecrypt(
      { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
      locked,
    );
    return session.length === nacl.secretbox.keyLength ? session : undefined;
  } catch {
    return undefined;
  }
}

/** Strictly: what is no base64 is not read as something shorter. */
export function base64(text: string): Buffer | undefined {
  if (text === '' || text.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  return Buffer.from(text, 'base64');
}

function bad(why: string) {
  return configError('BAD_ENVELOPE', `the message cannot be opened: ${why}`);
}
