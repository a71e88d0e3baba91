import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DatamillError } from '../../../src/errors.ts';
import { loadSecrets } from '../../../src/secrets/index.ts';
import { FakeVault, fakeVaultCa } from '../../helpers/fake-vault.ts';
import { failure, inline, resolveFiles, workspace } from '../../helpers/workspace.ts';

/** Resolves a flavour with this `secrets:` and loads what it names. */
async function load(section: string, env: NodeJS.ProcessEnv = {}) {
  const { secrets } = resolveFiles(inline({ api: '' }, `secrets: ${section}\n`));
  const home = { HOME: workspace(), ...env };
  const values = await loadSecrets(secrets!, { env: home, warn: () => undefined });
  return Object.fromEntries(values.map(({ name, key, value }) => [`${name}.${key}`, value]));
}

async function refusal(...args: Parameters<typeof load>): Promise<DatamillError> {
  const error = await load(...args).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof DatamillError) return error;
  throw new Error(`expected an error of ours, got ${error}`);
}

describe('the section `secrets` of a flavour', () => {
  it.each([
    ['an unknown word', '{ files: x.yaml }', /unknown key "files" in secrets/],
    ['a list', '[x.yaml]', /expected a map/],
    ['a variable that cannot be', '{ env: { db: { password: "A-B" } } }', /environment variable/],
    ['a Secret that cannot be', '{ env: { DB: { password: A } } }', /name of a Secret/],
    ['Vault without a path', '{ vault: {} }', /secrets\.vault\.path/],
    ['a path that is only a mount', '{ vault: { path: secret } }', /mount and a folder/],
  ])('refuses %s, with its place', (_, section, message) => {
    const error = failure(() => resolveFiles(inline({ api: '' }, `secrets: ${section}\n`)));

    expect(error).toMatchObject({ exitCode: 2, at: { line: 3 } });
    expect(error.message).toMatch(message);
  });

  it('names files relative to the flavour that says so', async () => {
    const { secrets } = resolveFiles(
      {
        'flavour.yaml': 'extends: base/base.yaml\n',
        'base/base.yaml': inline({ api: '' }, 'secrets: { file: mine.yaml }\n'),
        'base/mine.yaml': 'db: { password: "from the base" }\n',
      },
      {},
    );
    const [value] = await loadSecrets(secrets!, { env: {}, warn: () => undefined });

    expect(value).toMatchObject({ name: 'db', key: 'password', value: 'from the base' });
  });
});

describe('values from the environment', () => {
  it('are read', async () => {
    expect(await load('{ env: { db: { password: DB_PASSWORD } } }', { DB_PASSWORD: 'p w' })).toEqual({
      'db.password': 'p w',
    });
  });

  it('must be there, all that are missing in one go', async () => {
    const error = await refusal('{ env: { db: { user: DB_USER, password: DB_PASSWORD } } }', { DB_USER: '' });

    expect(error).toMatchObject({ code: 'SECRET_VARIABLE', exitCode: 2, at: { line: 3 } });
    expect(error.message).toMatch(/db\.user .*DB_USER, which is empty/);
    expect(error.others.map(({ message }) => message)).toEqual([
      expect.stringMatching(/db\.password .*DB_PASSWORD, which is not set/),
    ]);
  });
});

describe('values from (a fake of) Vault', () => {
  let vault: FakeVault;
  beforeEach(async () => {
    vault = await FakeVault.open();
    vault.entries.set('team/db', { user: 'ann', password: 'from vault' });
    vault.entries.set('team/mail', { token: 'm-1' });
    vault.entries.set('team/deep/er', { token: 'not of this folder' });
    vault.entries.set('other/db', { password: 'of another team' });
  });
  afterEach(() => vault.close());

  const all = { 'db.user': 'ann', 'db.password': 'from vault', 'mail.token': 'm-1' };
  const known = () => ({ VAULT_ADDR: vault.address, VAULT_CACERT: fakeVaultCa, VAULT_TOKEN: vault.token });

  it('are read with what the environment says', async () => {
    expect(await load('{ vault: { path: secret/team } }', known())).toEqual(all);
  });

  it('are read with the files that the original has by default', async () => {
    const { readFileSync } = await import('node:fs');
    const ca = readFileSync(fakeVaultCa);
    const HOME = workspace({ '.vault-ca.pem': ca, '.vault-token': `${vault.token}\n` });

    expect(await load(`{ vault: { address: "${vault.address}", path: secret/team } }`, { HOME })).toEqual(
      all,
    );
  });

  it('are read with files that the flavour names, which win over the environment', async () => {
    const folder = workspace({ token: vault.token });
    const files = `token_file: "${join(folder, 'token')}", ca_file: "${fakeVaultCa}"`;
    const env = { ...known(), VAULT_TOKEN: 'hvs.another', VAULT_CACERT: '/nowhere' };

    expect(await load(`{ vault: { path: secret/team, ${files} } }`, env)).toEqual(all);
  });

  it('are read one by one where the token may not list', async () => {
    vault.mayList = false;

    expect(await load('{ vault: { path: secret/team, names: [mail] } }', known())).toEqual({
      'mail.token': 'm-1',
    });
    expect(vault.seen).toEqual(['GET /v1/secret/data/team/mail']);
    const error = await refusal('{ vault: { path: secret/team } }', known());
    expect(error.message).toMatch(/does not let this token read secret\/team/);
    expect(error.hint).toMatch(/names/);
  });

  it.each<[string, () => void, Record<string, string>, RegExp]>([
    ['a token that is not valid', () => undefined, { VAULT_TOKEN: 'hvs.old' }, /does not let this token/],
    ['no token', () => undefined, { VAULT_TOKEN: '' }, /there is no token in .*\.vault-token/],
    ['no address', () => undefined, { VAULT_ADDR: '' }, /not said where Vault is/],
    ['an address that is none', () => undefined, { VAULT_ADDR: 'vault' }, /"vault" is no URL/],
    ['an address in clear', () => undefined, { VAULT_ADDR: 'http://vault:8200' }, /travel in clear/],
    [
      'nobody at the address',
      () => undefined,
      { VAULT_ADDR: 'https://localhost:9' },
      /localhost:9 cannot be reached/,
    ],
    [
      'a certificate that nobody knows',
      () => undefined,
      { VAULT_CACERT: '' },
      /certificate of Vault .* cannot be trusted/,
    ],
    [
      'a CA file that is not there',
      () => undefined,
      { VAULT_CACERT: '/nowhere/ca.pem' },
      /\/nowhere\/ca\.pem cannot be read/,
    ],
    [
      'a sealed Vault',
      () => {
        vault.sealed = true;
      },
      {},
      /answered 503 .*Vault is sealed/,
    ],
    ['nothing at the path', () => vault.entries.clear(), {}, /there is no secret\/team/],
    [
      'a field that is no text',
      () => vault.entries.set('team/db', { port: 5432 }),
      {},
      /team\/db .*the field port is not text/,
    ],
    [
      'an entry that cannot be a Secret',
      () => vault.entries.set('team/My_DB', { a: 'b' }),
      {},
      /"My_DB" cannot be the name/,
    ],
    [
      'an engine of version 1',
      () => {
        vault.answer = { status: 200, body: '{"data":{"keys":["db"],"password":"x"}}' };
      },
      {},
      /not an entry of a KV engine of version 2/,
    ],
    [
      'an answer that is no JSON',
      () => {
        vault.answer = { status: 200, body: '<html>' };
      },
      {},
      /answered 200/,
    ],
  ])('are refused with %s', async (_, prepare, env, message) => {
    prepare();
    const error = await refusal('{ vault: { path: secret/team } }', { ...known(), ...env });

    expect(error).toMatchObject({ code: 'VAULT', exitCode: 2, at: { line: 3 } });
    expect(error.message).toMatch(message);
    expect(`${error.message} ${error.hint}`).not.toContain(vault.token);
  });
});
