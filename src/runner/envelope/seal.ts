import { constants, createPublicKey, type KeyObject, publicEncrypt, randomBytes, sign } from 'node:crypto';
import nacl from 'tweetnacl';
import { configError } from '../../errors.ts';
import type { Request } from '../request.ts';
import { fingerprintOf } from './ssh.ts';

/** The public RSA key of a runner. @throws {DatamillError} BAD_KEY (exit 2). */
export function sealingKey(pem: string): KeyObject {
  const key = createPublicKey(pem);
  if (key.asymmetricKeyType !== 'rsa') throw configError('BAD_KEY', 'the key to encrypt with is no RSA key');
  return key;
}

/** A text that only the owner of the private key can read: `base64(key),base64(nonce and secretbox)`. */
export function sealPayload(text: string, key: KeyObject): string {
  const session = randomBytes(nacl.secretbox.keyLength);
  const nonce = randomBytes(nacl.secretbox.nonceLength);
  const boxed = nacl.secretbox(Buffer.from(text), nonce, session);
  const locked = publicEncrypt(
    { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
    session,
  );
  return `${locked.toString('base64')},${Buffer.concat([nonce, boxed]).toString('base64')}`;
}

/** A request in an envelope, as the StudioML client makes it. */
export function sealRequest(request: Request, key: KeyObject, signer?: KeyObject): object {
  const { experiment, config } = request;
  const payload = sealPayload(JSON.stringify(request), key);
  const signed =
    signer === undefined
      ? {}
      : {
          signature: sign(null, Buffer.from(payload), signer).toString('base64'),
          fingerprint: fingerprintOf(createPublicKey(signer)),
        };
  return {
    message: {
      experiment: {
        status: experiment.status ?? 'waiting',
        pythonver: String(experiment.pythonver ?? 'unknown'),
      },
      time_added: experiment.time_added ?? null,
      experiment_lifetime: config.experimentLifetime ?? experiment.max_duration ?? 'unknown',
      resources_needed: experiment.resources_needed ?? null,
      payload,
      ...signed,
    },
  };
}
