import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { certificatesIn, expiry, tokenValidity, validityOf } from '../../../src/doctor/certificates.ts';
import { examineKubeconfig } from '../../../src/doctor/kubeconfig.ts';
import { examineExec } from '../../../src/doctor/login.ts';
import { packageRoot } from '../../../src/util/paths.ts';
import { workspace } from '../../helpers/workspace.ts';

const pem = readFileSync(join(packageRoot, 'test/fixtures/certificates/expired.crt'), 'utf8');
/** The certificate is valid from the first of January to the first of April. */
const during = Date.parse('2020-02-01T00:00:00Z');
const DAY = 24 * 60 * 60 * 1000;

function examine(user: object, cluster: object = {}, files: Record<string, string> = {}) {
  const config = {
    contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
    clusters: [{ name: 'k', cluster: { server: 'https://k.example.com:6443', ...cluster } }],
    users: [{ name: 'u', user }],
  };
  const folder = workspace({ config: stringify(config), ...files });
  chmodSync(join(folder, 'config'), 0o600);
  const [first, ...found] = examineKubeconfig(join(folder, 'config'), 'c', during);
  return { folder, first: first!, found };
}

const token = (exp: number) =>
  `x.${Buffer.from(JSON.stringify({ exp: exp / 1000 })).toString('base64url')}.y`;

describe('a kubeconfig', () => {
  it('is well with a certificate that is valid', () => {
    const { first, found } = examine({ 'client-certificate-data': Buffer.from(pem).toString('base64') });
    expect(first).toMatchObject({
      state: 'ok',
      what: 'context c: cluster k at https://k.example.com:6443, user u (a client certificate)',
    });
    expect(found).toEqual([]);
  });

  it('finds files beside itself, and says which cannot be read', () => {
    expect(examine({ 'client-certificate': 'pki/a.crt' }, {}, { 'pki/a.crt': pem }).found).toEqual([]);
    const { folder, found } = examine({ 'client-certificate': 'pki/b.crt' });
    expect(found).toMatchObject([{ state: 'error', where: join(folder, 'config') }]);
    expect(found[0]!.what).toMatch(/^client-certificate names a file that cannot be read: ENOENT/);
  });

  it.each([
    ['a tilde', { 'client-certificate': '~/a.crt' }, {}, 'error', /~\/a.crt: nothing expands the ~/],
    [
      'a provider that clients dropped',
      { 'auth-provider': { name: 'gcp' } },
      {},
      'error',
      /auth provider gcp/,
    ],
    [
      'a token that expired',
      { token: token(during - DAY) },
      {},
      'error',
      /^the token expired on 2020-01-31$/,
    ],
    [
      'a token that ends soon',
      { token: token(during + 3 * DAY) },
      {},
      'warning',
      /^the token expires soon: in 3 days, on 2020-02-04$/,
    ],
    [
      'a certificate that is none',
      { 'client-certificate-data': 'bm9uZQ==' },
      {},
      'error',
      /client certificate is none/,
    ],
    [
      'a server that is not asked who it is',
      { token: 'x' },
      { 'insecure-skip-tls-verify': true },
      'warning',
      /insecure-skip-tls-verify/,
    ],
    [
      'a server that is not encrypted',
      { token: 'x' },
      { server: 'http://k.example.com' },
      'warning',
      /not encrypted/,
    ],
  ])('tells of %s, with a remedy', (_name, user, cluster, state, what) => {
    const { found } = examine(user, cluster);
    expect(found).toMatchObject([{ state, what: expect.stringMatching(what), remedy: expect.any(String) }]);
  });

  it('has nothing to say about providers and tokens that still work', () => {
    expect(examine({ 'auth-provider': { name: 'oidc' } }).found).toEqual([]);
    expect(examine({ token: 'abc' }).found).toEqual([]);
    expect(examine({ token: token(during + 90 * DAY) }).found).toEqual([]);
  });

  it('with a secret that others can read is told of, with the command', () => {
    const { folder } = examine({ token: 'abc' });
    const file = join(folder, 'config');
    chmodSync(file, 0o644);
    expect(examineKubeconfig(file, 'c', during)[1]).toMatchObject({
      state: 'warning',
      remedy: `\`chmod 600 ${file}\``,
    });
  });

  it('that cannot be read is told of', () => {
    const file = join(workspace({ config: 'a: [' }), 'config');
    expect(examineKubeconfig(file, 'c')).toMatchObject([{ state: 'error', where: file }]);
  });
});

describe('a login program', () => {
  const apiVersion = 'client.authentication.k8s.io/v1';

  it('is looked for on PATH, or beside the kubeconfig', () => {
    const folder = workspace({ 'bin/login': '#!/bin/sh\n' });
    chmodSync(join(folder, 'bin/login'), 0o755);
    const file = join(folder, 'config');
    const look = (command: string, PATH = '') =>
      examineExec({ apiVersion, command, installHint: 'get it\nthere' }, file, { PATH });
    expect(look('login', join(folder, 'bin'))).toEqual([]);
    expect(look('./bin/login')).toEqual([]);
    expect(look('login')).toEqual([
      { state: 'error', what: 'the login program login is not there', where: file, remedy: 'get it there' },
    ]);
  });

  it('must speak a version that clients still know, and is given no tilde', () => {
    const found = examineExec(
      { apiVersion: 'client.authentication.k8s.io/v1alpha1', command: '~/login', args: ['--key=~/key'] },
      '/config',
      {},
    );
    expect(found.map(({ state }) => state)).toEqual(['error', 'warning', 'error']);
    expect(found.map(({ what }) => what).join()).toMatch(/v1alpha1.*--key=~\/key.*~\/login/);
  });
});

describe('a certificate', () => {
  const validity = validityOf(certificatesIn(pem)![0]!);
  const at = (day: string) => expiry('it', validity, {}, Date.parse(`2020-${day}T00:00:00Z`));

  it.each([
    ['03-01', undefined],
    ['03-03', { state: 'warning', what: 'it expires in 29 days, on 2020-04-01' }],
    ['03-20', { state: 'warning', what: 'it expires soon: in 12 days, on 2020-04-01' }],
    ['03-31', { state: 'warning', what: 'it expires soon: in 1 day, on 2020-04-01' }],
    ['04-01', { state: 'error', what: 'it expired on 2020-04-01' }],
  ])('on %s', (day, expected) => {
    expect(at(day)).toEqual(expected);
  });

  it('of a day is well for most of it', () => {
    const day = { from: 0, until: DAY };
    expect(expiry('it', day, {}, DAY / 2)).toBeUndefined();
    expect(expiry('it', day, {}, DAY * 0.9)).toMatchObject({
      what: 'it expires soon: within a day, on 1970-01-02',
    });
  });

  it('that is not valid yet makes one look at the clock', () => {
    expect(expiry('it', validity, {}, Date.parse('2019-12-31T00:00:00Z'))).toMatchObject({
      state: 'error',
      what: expect.stringContaining('clock'),
    });
  });
});

describe('a token', () => {
  it('tells its end when it is a JSON Web Token', () => {
    expect(tokenValidity(token(during))).toEqual({ until: during });
    for (const other of ['', 'abc', 'a.b.c', `a.${Buffer.from('{}').toString('base64url')}.c`])
      expect(tokenValidity(other)).toBeUndefined();
  });
});
