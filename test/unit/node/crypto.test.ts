import { constants, generateKeyPairSync, publicEncrypt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { plain, rsaCryptor } from '../../../src/node/crypto.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const cryptor = rsaCryptor(privateKey.export({ type: 'pkcs8', format: 'pem' }) as string);
const text = Buffer.from('the average is 42');

function withKey(key: Buffer): string {
  const parts = cryptor.encrypt(text, cryptor.publicKey!).split('$');
  parts[0] = publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, key).toString('base64');
  return parts.join('$');
}

describe('encryption', () => {
  it('is read by its receiver alone', () => {
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    const stranger = rsaCryptor(other.export({ type: 'pkcs8', format: 'pem' }) as string);
    const sealed = cryptor.encrypt(text, cryptor.publicKey!);

    expect(Buffer.from(cryptor.decrypt(sealed))).toEqual(text);
    expect(sealed).not.toContain(text.toString('base64'));
    // A wrong padding is not told, so that nobody can ask for it.
    expect(Buffer.from(stranger.decrypt(sealed))).not.toEqual(text);
    expect(stranger.decrypt(sealed)).toEqual(stranger.decrypt(sealed));
  });

  it('never uses a key twice', () => {
    expect(cryptor.encrypt(text, cryptor.publicKey!)).not.toBe(cryptor.encrypt(text, cryptor.publicKey!));
  });

  it('reads keys in base64, as the user interface of vantage6 wraps them', () => {
    const key = Buffer.alloc(32, 5);
    const [wrapped] = withKey(Buffer.from(key.toString('base64'))).split('$');
    const direct = withKey(key).split('$');

    expect(cryptor.decrypt([wrapped, direct[1], direct[2]].join('$'))).toEqual(
      cryptor.decrypt(direct.join('$')),
    );
  });

  it.each(['', 'a$b', 'a$b$c$d', `${'A'.repeat(8)}$AAAA$AAAA`])('refuses %j', (broken) => {
    expect(() => cryptor.decrypt(broken)).toThrow(/cannot be read/);
  });

  it('refuses what is no RSA key, and does not show it', () => {
    const { privateKey: ec } = generateKeyPairSync('ed25519');
    const pem = ec.export({ type: 'pkcs8', format: 'pem' }) as string;

    expect(() => rsaCryptor(pem)).toThrow(/holds no RSA key/);
    expect(() => rsaCryptor('hunter22')).toThrow(/^(?!.*hunter22)/s);
  });

  it('is base64 where a collaboration does not encrypt', () => {
    expect(plain.decrypt(plain.encrypt(text, ''))).toEqual(text);
    expect(plain.encrypt(text, '')).toBe(text.toString('base64'));
  });
});
