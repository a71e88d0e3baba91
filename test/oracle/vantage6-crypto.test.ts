import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { rsaCryptor } from '../../src/node/crypto.ts';
import { ask } from './python.ts';

const python = inject('vantage6Python');

describe.skipIf(python === '')("vantage6's encryption and ours", () => {
  const folder = mkdtempSync(join(tmpdir(), 'datamill-crypto-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 4096 });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  const ours = rsaCryptor(pem);
  // Its client reads JSON alone: anything else it takes for base64.
  const texts = ['""', '1', '{"method":"average"}', '["ü$€\\n"]', JSON.stringify('x'.repeat(100_000))].map(
    (text) => Buffer.from(text),
  );
  let theirs: { public_key: string; verified: boolean; read: string[]; encrypted: string[] };

  beforeAll(async () => {
    const file = join(folder, 'key.pem');
    writeFileSync(file, pem, { mode: 0o600 });
    const work = {
      private_key_file: file,
      our_public_key: ours.publicKey,
      encrypted: texts.map((text) => ours.encrypt(text, ours.publicKey!)),
      plain: texts.map((text) => text.toString('base64')),
    };
    theirs = (await ask(python, 'vantage6_crypto.py', [], JSON.stringify(work)))[0] as typeof theirs;
  }, 60_000);

  it('know the same public key', () => {
    expect(theirs.verified).toBe(true);
    expect(Buffer.from(theirs.public_key, 'base64').toString().trim()).toBe(
      Buffer.from(ours.publicKey!, 'base64').toString().trim(),
    );
  });

  it('read what the other has encrypted', () => {
    expect(theirs.read).toEqual(texts.map((text) => text.toString('base64')));
    expect(theirs.encrypted.map((text) => Buffer.from(ours.decrypt(text)).toString('base64'))).toEqual(
      texts.map((text) => text.toString('base64')),
    );
  });
});
