import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { cacheFolder, packageRoot } from '../../src/util/paths.ts';
import { api, applyObjects, get, kubectl, versions } from '../helpers/cluster.ts';
import { FakeVault, fakeVaultCa } from '../helpers/fake-vault.ts';
import { app, it, type Project } from '../helpers/project.ts';
import { buildSops, canHaveSops, sops } from '../helpers/sops.ts';

const uses = (name: string, key: string) => ({ secretEnv: { VALUE: { name, key } } });
const encoded = (text: string) => Buffer.from(text).toString('base64');

async function secret(project: Project, name: string) {
  return get(project.namespace, 'secrets', name);
}

describe.concurrent("a flavour's own secrets", () => {
  it('are made first, changed when they change, and taken away by --prune', async ({ project, expect }) => {
    const { namespace } = project;
    const env = { MAIL_TOKEN: 'token-of-mail-1' };
    const run = (...args: string[]) => project.run(args, { env });
    const file = (content: unknown) => project.write('mine.yaml', content).then((path) => chmod(path, 0o600));
    const flavour = (secrets?: unknown) =>
      project.flavour(
        { api: app({ values: uses('db', 'password') }), web: app({ values: uses('mail', 'token') }) },
        secrets === undefined ? {} : { secrets },
      );
    const sources = { file: 'mine.yaml', env: { mail: { token: 'MAIL_TOKEN' } } };
    await file({ db: { password: 'first-password', user: 'ann-the-user' } });
    await flavour(sources);
    const outputs: string[] = [];

    const plan = await run('plan');
    outputs.push(plan.stdout, plan.stderr);
    expect(plan.stdout).toMatch(/\+ secrets: install/);
    expect(plan.stdout).toMatch(/Secret\/db/);
    const up = await run('up', '--verbose');
    outputs.push(up.stdout, up.stderr);
    expect(up.code, up.stdout + up.stderr).toBe(0);
    expect(await secret(project, 'db')).toMatchObject({
      data: { password: encoded('first-password'), user: encoded('ann-the-user') },
      metadata: {
        labels: { 'app.kubernetes.io/managed-by': 'data-mill', 'datamill.io/home': namespace },
      },
    });
    expect((await secret(project, 'mail')).data).toEqual({ token: encoded('token-of-mail-1') });

    const before = await versions(namespace);
    const second = await run('up', '--output', 'json');
    expect(second.events.at(-1)).toMatchObject({ unchanged: 2, upgraded: 0 });
    expect(await versions(namespace)).toEqual(before);

    await file({ db: { password: 'second-password' } });
    const changes = await run('plan', '--output', 'json', '--exit-code');
    outputs.push(changes.stdout, changes.stderr);
    expect(changes.code).toBe(5);
    expect(changes.json.steps[0]).toMatchObject({ component: 'secrets', action: 'upgrade' });
    expect(changes.json.steps[0].changes).toEqual([
      expect.objectContaining({ path: 'data.password', before: '*** (before)', after: '*** (after)' }),
      expect.objectContaining({ path: 'data.user', before: '*** (before)' }),
    ]);
    const generation = async (name: string) =>
      (await get(namespace, 'deployments', name)).metadata.generation;
    const web = await generation('web');
    const changed = await run('up', '--output', 'json');
    outputs.push(changed.stdout, changed.stderr);
    expect(changed.code, changed.stdout + changed.stderr).toBe(0);
    expect((await secret(project, 'db')).data).toEqual({ password: encoded('second-password') });
    const { metadata } = await secret(project, 'db');
    const { template } = (await get(namespace, 'deployments', 'api')).spec;
    expect(template.metadata.annotations['secret.datamill.io/db']).toBe(
      metadata.annotations['datamill.io/rotated'],
    );
    expect(metadata.labels['datamill.io/rolling']).toBeUndefined();
    expect(await generation('web')).toBe(web);
    expect((await run('plan', '--exit-code')).code).toBe(0);
    expect((await run('secrets', 'rotate', 'db')).code).toBe(2);

    const records = await kubectl('get', 'configmaps', '-n', namespace, '-o', 'yaml');
    for (const value of ['first-password', 'second-password', 'token-of-mail-1', 'ann-the-user'])
      for (const text of [...outputs, records]) {
        expect(text).not.toContain(value);
        expect(text).not.toContain(encoded(value));
      }

    await flavour();
    const left = await run('up');
    expect(left.stdout).toMatch(/the Secret db is no longer in the flavour/);
    expect(await secret(project, 'db')).toBeDefined();
    await run('up', '--prune');
    expect(await secret(project, 'db')).toBeUndefined();
  });

  it('may be those that a component would make: its keys then are no longer generated', async ({
    project,
    expect,
  }) => {
    const made = { '{{release}}-auth': { user: { generate: 16 }, password: { generate: 16 } } };
    await project.write('mine.yaml', { 'store-auth': { password: 'my own password' } });
    await project.flavour({ store: app({ secrets: made }) }, { secrets: { file: 'mine.yaml' } });
    expect((await project.run(['up'])).code).toBe(0);

    const { data } = await secret(project, 'store-auth');
    expect(data.password).toBe(encoded('my own password'));
    expect(Buffer.from(data.user, 'base64').toString()).toMatch(/^[A-Za-z0-9]{16}$/);
    const rotate = await project.run(['secrets', 'rotate', 'store-auth', 'password']);
    expect([rotate.code, rotate.stderr]).toEqual([3, expect.stringMatching(/flavour's own `secrets`/)]);
    expect((await project.run(['up', '--output', 'json'])).events.at(-1)).toMatchObject({ unchanged: 1 });
  });

  it('are refused before anything is touched when one cannot be had', async ({ project, expect }) => {
    const { folder, namespace } = project;
    const fixture = (name: string) =>
      readFile(join(packageRoot, 'test', 'fixtures', 'secrets', name), 'utf8');
    await project.write('good.sops.yaml', await fixture('whole.sops.yaml'));
    await project.write('bad.sops.yaml', (await fixture('whole.sops.yaml')).replace('data:H0z', 'data:H0y'));
    const keys = { SOPS_AGE_KEY: await fixture('keys.txt'), HOME: folder };
    const refused = async (secrets: unknown, env: Record<string, string>) => {
      await project.flavour({ api: app() }, { secrets });
      const { code, stderr, stdout } = await project.run(['up'], { env: { HOME: folder, ...env } });
      expect(stdout).toBe('');
      return `${code} ${stderr}`;
    };

    expect(await refused({ file: 'good.sops.yaml' }, {})).toMatch(/^2 .*SOPS_KEY.*good\.sops\.yaml/);
    expect(await refused({ file: 'bad.sops.yaml' }, keys)).toMatch(
      /^2 .*SOPS_TAMPERED.*bad\.sops\.yaml:\d+:\d+: zeta\.password/,
    );
    expect(await refused({ env: { mail: { token: 'NO_SUCH' } } }, {})).toMatch(/^2 .*mail\.token.*NO_SUCH/);
    const vault = { address: 'https://localhost:9', path: 'secret/team' };
    expect(await refused({ vault }, { VAULT_TOKEN: 'x' })).toMatch(/^2 .*VAULT.*localhost:9/);
    expect(await api().find(`/api/v1/namespaces/${namespace}`)).toBeUndefined();
  });

  it('do not take over a Secret of somebody else', async ({ project, expect }) => {
    const { namespace } = project;
    await project.flavour({ api: app() });
    await project.run(['up']);
    await applyObjects({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'db', namespace },
      stringData: { a: 'theirs' },
    });
    await project.write('mine.yaml', { aa: { a: 'mine' }, db: { a: 'mine' } });
    await project.flavour({ api: app() }, { secrets: { file: 'mine.yaml' } });
    const up = await project.run(['up']);

    expect([up.code, up.stderr]).toEqual([3, expect.stringMatching(/SECRET_FOREIGN.*db/)]);
    expect((await secret(project, 'db')).data).toEqual({ a: encoded('theirs') });
    expect(await secret(project, 'aa')).toBeUndefined();
  });

  it('come from (a fake of) Vault', async ({ project, expect }) => {
    const vault = await FakeVault.open();
    try {
      vault.entries.set('team/db', { password: 'from-the-vault' });
      const section = {
        address: vault.address,
        ca_file: fakeVaultCa,
        token_file: 'token',
        path: 'secret/team',
      };
      await project.write('token', vault.token);
      await project.flavour(
        { api: app({ values: uses('db', 'password') }) },
        { secrets: { vault: section } },
      );
      const up = await project.run(['up', '--output', 'json']);

      expect(up.code, up.stdout + up.stderr).toBe(0);
      expect((await secret(project, 'db')).data).toEqual({ password: encoded('from-the-vault') });
      for (const value of ['from-the-vault', vault.token]) expect(up.stdout + up.stderr).not.toContain(value);
    } finally {
      await vault.close();
    }
  });
});

describe.skipIf(!canHaveSops())('files of the real sops', () => {
  let folder: string;
  beforeAll(async () => {
    await buildSops();
    folder = await mkdtemp(join(tmpdir(), 'datamill-sops-'));
  }, 1_200_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('are read as they are written and changed, and stand decrypted in no file', async ({
    project,
    expect,
  }) => {
    const { generateIdentity, identityToRecipient } = await import('age-encryption');
    const identity = await generateIdentity();
    const file = join(project.folder, 'secrets.sops.yaml');
    await writeFile(join(folder, 'plain.yaml'), 'db:\n  password: "geheim: 12 # 3"\n  "1": one\n');
    const age = ['--age', await identityToRecipient(identity)];
    await writeFile(file, await sops(['encrypt', ...age, join(folder, 'plain.yaml')]));
    await project.flavour({ api: app() }, { secrets: { file: 'secrets.sops.yaml' } });
    const home = join(project.folder, 'home');
    // All its folders but the one with the tools.
    const own = { HOME: home, TMPDIR: home, XDG_STATE_HOME: home, XDG_CACHE_HOME: dirname(cacheFolder()) };
    const env = { SOPS_AGE_KEY: identity, ...own };
    await project.write('home/.keep', '');
    const up = await project.run(['up'], { env });
    expect(up.code, up.stdout + up.stderr).toBe(0);
    expect((await secret(project, 'db')).data).toEqual({
      password: encoded('geheim: 12 # 3'),
      1: encoded('one'),
    });

    const set = (path: string, value: string) => sops(['set', file, path, value], { SOPS_AGE_KEY: identity });
    await set('["db"]["password"]', '"anders"');
    await set('["mail"]', '{"token": "neu-1234"}');
    const again = await project.run(['up'], { env });
    expect(again.code, again.stdout + again.stderr).toBe(0);
    expect((await secret(project, 'db')).data).toEqual({ password: encoded('anders'), 1: encoded('one') });
    expect((await secret(project, 'mail')).data).toEqual({ token: encoded('neu-1234') });

    const entries = await readdir(project.folder, { withFileTypes: true, recursive: true });
    for (const entry of entries.filter((one) => one.isFile()))
      expect(await readFile(join(entry.parentPath, entry.name), 'utf8')).not.toMatch(/geheim: 12|neu-1234/);
  });
});
