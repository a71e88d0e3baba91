import { generateKeyPairSync, sign } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Keyring, type KeyringOptions } from '../../../src/runner/envelope/keyring.ts';
import { sealingKey, sealRequest } from '../../../src/runner/envelope/seal.ts';
import { readMessage } from '../../../src/runner/message.ts';
import { parseRequest } from '../../../src/runner/request.ts';
import { workspace } from '../../helpers/workspace.ts';

const pem = { type: 'pkcs8', format: 'pem' } as const;
const rsa = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { ...pem, cipher: 'aes-256-cbc', passphrase: 'a passphrase' },
});
const other = generateKeyPairSync('rsa', { modulusLength: 2048 });
const alice = generateKeyPairSync('ed25519');
const bob = generateKeyPairSync('ed25519');
const request = parseRequest({ experiment: { key: 'k1', resources_needed: { cpus: 2 } }, config: {} });

/** A public key as OpenSSH writes it. */
function line({ publicKey }: typeof alice): string {
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  const head = Buffer.from('0000000b7373682d6564323535313900000020', 'hex');
  return `ssh-ed25519 ${Buffer.concat([head, raw]).toString('base64')} someone\n`;
}

function keys(signers: Record<string, string> = {}, more: Partial<KeyringOptions> = {}): Keyring {
  const folder = workspace({
    'encrypt/ssh-privatekey': rsa.privateKey,
    'encrypt/ssh-passphrase': 'a passphrase\n',
    ...Object.fromEntries(Object.entries(signers).map(([name, text]) => [`signing/${name}`, text])),
  });
  return new Keyring({
    encryptDir: join(folder, 'encrypt'),
    requestSignaturesDir: join(folder, 'signing'),
    clearText: false,
    ...more,
  });
}

type Sealed = { message: Record<string, unknown> & { payload: string } };
const seal = (signer?: typeof alice) =>
  sealRequest(request, sealingKey(rsa.publicKey), signer?.privateKey) as Sealed;
const bytes = (value: object) => Buffer.from(JSON.stringify(value));

function read(message: object, ring = keys(), queue = 'rmq_cpu_small') {
  return readMessage(bytes(message), queue, ring).request.experiment;
}

describe('a request in an envelope', () => {
  it('is read with the key of the runner, and its head does not count', () => {
    const sealed = seal();
    sealed.message.resources_needed = { cpus: 64 };
    expect(read(sealed)).toEqual({ key: 'k1', resources_needed: { cpus: 2 } });
  });

  it.each<[string, (sealed: Sealed) => void]>([
    ['bad base64', (sealed) => (sealed.message.payload = sealed.message.payload.replace(/^./, '*'))],
    ['one part', (sealed) => (sealed.message.payload = sealed.message.payload.split(',')[0]!)],
    ['three parts', (sealed) => (sealed.message.payload += ',AAAA')],
    [
      'a changed text',
      (sealed) => (sealed.message.payload = sealed.message.payload.replace(/.{8}$/, 'AAAAAAA=')),
    ],
  ])('with %s is refused', (_what, change) => {
    const sealed = seal();
    change(sealed);
    expect(() => read(sealed)).toThrow(expect.objectContaining({ code: 'BAD_ENVELOPE' }));
  });

  it('for another key is refused', () => {
    const sealed = sealRequest(request, other.publicKey);
    expect(() => read(sealed)).toThrow(expect.objectContaining({ code: 'BAD_ENVELOPE' }));
  });
});

describe('a request in clear', () => {
  it('is refused by a runner that has keys, unless it is told to take both', () => {
    expect(() => read(request)).toThrow(expect.objectContaining({ code: 'CLEAR_TEXT' }));
    expect(read(request, keys({}, { clearText: true })).key).toBe('k1');
  });
});

describe('a signature', () => {
  it('of the key of the queue is taken', () => {
    expect(read(seal(alice), keys({ rmq_: line(alice) })).key).toBe('k1');
  });

  it.each<[string, Record<string, string>, typeof alice | undefined]>([
    ['is missing', { rmq_: line(alice) }, undefined],
    ['is of another key', { rmq_: line(alice) }, bob],
    ['is of the key of a shorter prefix', { rmq_: line(bob), rmq_cpu_: line(alice) }, bob],
  ])('that %s is refused', (_what, signers, signer) => {
    expect(() => read(seal(signer), keys(signers))).toThrow(
      expect.objectContaining({ code: 'BAD_SIGNATURE' }),
    );
  });

  it('of another text is refused', () => {
    const sealed = seal(alice);
    sealed.message.signature = sign(null, Buffer.from('another text'), alice.privateKey).toString('base64');
    expect(() => read(sealed, keys({ rmq_: line(alice) }))).toThrow(
      expect.objectContaining({ code: 'BAD_SIGNATURE' }),
    );
  });

  it('is not asked for on queues without a key, and prefixes of less than four characters rule nothing', () => {
    expect(read(seal(), keys({ sqs_: line(alice), rmq: line(alice) })).key).toBe('k1');
  });
});
