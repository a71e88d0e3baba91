import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readAccess } from '../../../src/kube/kubeconfig.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(cluster: object, user: object): string {
  const file = join(folder, 'config');
  const config = {
    'current-context': 'other',
    clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:6443/', ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'mine', context: { cluster: 'c', user: 'u' } }],
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
}

describe('readAccess', () => {
  it('reads certificates that stand in the file or beside it', () => {
    writeFileSync(join(folder, 'user.key'), 'the key');
    const data = Buffer.from('the certificate').toString('base64');
    const file = write(
      { 'certificate-authority-data': data, 'tls-server-name': 'api' },
      { 'client-certificate-data': data, 'client-key': 'user.key' },
    );
    const { server, plain } = readAccess(file, 'mine');
    expect(server).toBe('https://127.0.0.1:6443');
    expect(String(plain?.ca)).toBe('the certificate');
    expect(String(plain?.cert)).toBe('the certificate');
    expect(String(plain?.key)).toBe('the key');
    expect(plain?.servername).toBe('api');
    expect(plain?.rejectUnauthorized).toBeUndefined();
  });

  it('reads a token, and trusts every certificate only when told', () => {
    const { plain } = readAccess(write({ 'insecure-skip-tls-verify': true }, { token: 'abc' }), 'mine');
    expect(plain?.headers).toEqual({ authorization: 'Bearer abc' });
    expect(plain?.rejectUnauthorized).toBe(false);
  });

  it.each([
    ['a login program', {}, { exec: { command: 'aws' } }],
    ['a token file', {}, { tokenFile: '/var/run/token' }],
    ['a password', {}, { username: 'me', password: 'x' }],
    ['a proxy', { 'proxy-url': 'http://proxy:3128' }, { token: 'abc' }],
    ['a file that is not there', {}, { 'client-key': 'nowhere.key' }],
  ])('leaves %s to the client library', (_, cluster, user) => {
    expect(readAccess(write(cluster, user), 'mine').plain).toBeUndefined();
  });

  it('says which contexts there are', () => {
    expect(() => readAccess(write({}, {}), 'yours')).toThrow(
      expect.objectContaining({ code: 'TARGET_CONTEXT', exitCode: 4, hint: 'its contexts are mine' }),
    );
  });

  it('refuses a file that is none', () => {
    writeFileSync(join(folder, 'bad'), 'a: [');
    for (const file of [join(folder, 'bad'), join(folder, 'absent')])
      expect(() => readAccess(file, 'mine')).toThrow(expect.objectContaining({ code: 'TARGET_CONTEXT' }));
  });
});
