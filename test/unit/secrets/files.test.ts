import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { SecretsSection } from '../../../src/config/schema/secrets.ts';
import { DatamillError } from '../../../src/errors.ts';
import { loadSecrets } from '../../../src/secrets/index.ts';
import { printError } from '../../../src/ui/error.ts';
import { packageRoot } from '../../../src/util/paths.ts';
import { redact } from '../../../src/util/redact.ts';
import { workspace } from '../../helpers/workspace.ts';

const fixtures = join(packageRoot, 'test', 'fixtures', 'secrets');
const fixture = (name: string) => readFileSync(join(fixtures, name), 'utf8');
const keys = join(fixtures, 'keys.txt');
const nowhere = workspace();
const withKey = { HOME: nowhere, SOPS_AGE_KEY_FILE: keys };

/** What stands in plain.yaml, from which sops made the other files. */
const plain = {
  'zeta.password': `pass with 'quotes', "more" and \\`,
  'zeta.10': 'ten',
  'zeta.9': 'nine',
  'zeta.empty': '',
  'alpha.ca.crt': '-----BEGIN CERTIFICATE-----\nline\n-----END CERTIFICATE-----\n',
  'alpha.unicode': 'größe ☃',
};

interface Loaded {
  values: Record<string, string>;
  warnings: string[];
}

/** Loads files as `secrets: {file: …}` of a flavour would. */
async function load(file: string | string[], env: Record<string, string> = withKey): Promise<Loaded> {
  const warnings: string[] = [];
  const section: SecretsSection = {
    words: { file },
    locate: () => ({ file: join(nowhere, 'flavour.yaml'), line: 3, column: 12 }),
  };
  const values = await loadSecrets(section, { env, warn: (message) => warnings.push(message) });
  return {
    values: Object.fromEntries(values.map(({ name, key, value }) => [`${name}.${key}`, value])),
    warnings,
  };
}

async function failure(...args: Parameters<typeof load>): Promise<DatamillError> {
  const error = await load(...args).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof DatamillError) return error;
  throw new Error(`expected an error of ours, got ${error}`);
}

function file(name: string, content: string, mode = 0o600): string {
  const path = join(workspace({ [name]: content }), name);
  chmodSync(path, mode);
  return path;
}

describe('files that sops wrote', () => {
  it.each(['whole.sops.yaml', 'whole.sops.json', 'some.sops.yaml', 'mac-only.sops.yaml'])(
    'are read: %s',
    async (name) => {
      const { values, warnings } = await load(join(fixtures, name));

      expect(values).toEqual(plain);
      expect(warnings).toEqual([]);
      expect(redact(`it is ${plain['zeta.password']}!`)).toBe('it is ***!');
    },
  );

  it.each([
    ['SOPS_AGE_KEY', () => ({ HOME: nowhere, SOPS_AGE_KEY: fixture('keys.txt') })],
    ['its own folder', () => ({ HOME: workspace({ '.config/sops/age/keys.txt': fixture('keys.txt') }) })],
    [
      'the folder of XDG_CONFIG_HOME',
      () => ({ HOME: nowhere, XDG_CONFIG_HOME: workspace({ 'sops/age/keys.txt': fixture('keys.txt') }) }),
    ],
  ])('are opened by the key in %s', async (_, env) => {
    expect((await load(join(fixtures, 'whole.sops.yaml'), env())).values).toEqual(plain);
  });

  it('need a key, and say where it could be', async () => {
    const error = await failure(join(fixtures, 'whole.sops.yaml'), { HOME: nowhere });

    expect(error).toMatchObject({ code: 'SOPS_KEY', exitCode: 2 });
    expect(error.message).toMatch(/whole\.sops\.yaml, which is for age1qmp0/);
    expect(error.hint).toContain(`${nowhere}/.config/sops/age/keys.txt`);
    expect(error.hint).toMatch(/SOPS_AGE_KEY_FILE/);
  });

  it('need the right key', async () => {
    const { generateIdentity } = await import('age-encryption');
    const error = await failure(join(fixtures, 'whole.sops.yaml'), {
      HOME: nowhere,
      SOPS_AGE_KEY: await generateIdentity(),
    });

    expect(error).toMatchObject({ code: 'SOPS_KEY', exitCode: 2 });
    expect(error.message).toMatch(/no age key in SOPS_AGE_KEY opens .*whole\.sops\.yaml/);
  });

  it('need the key file that the environment names', async () => {
    const error = await failure(join(fixtures, 'whole.sops.yaml'), {
      HOME: nowhere,
      SOPS_AGE_KEY_FILE: '/nowhere/keys.txt',
    });

    expect(error).toMatchObject({ code: 'SOPS_KEY', exitCode: 2 });
    expect(error.message).toContain('/nowhere/keys.txt');
  });

  const swap = (text: string) => {
    const value = (key: string) => new RegExp(`(\\n {4}"?${key}"?: )(.*)`);
    const [ten, nine] = [value('10').exec(text)![2]!, value('9').exec(text)![2]!];
    return text.replace(value('10'), `$1${nine}`).replace(value('9'), `$1${ten}`);
  };
  it.each<[string, string, (text: string) => string, RegExp]>([
    [
      'a changed byte',
      'whole.sops.yaml',
      (text) => text.replace('data:H0z', 'data:H0y'),
      /zeta\.password was/,
    ],
    ['two values in each other’s place', 'whole.sops.yaml', swap, /zeta\.10 was changed/],
    ['a value taken away', 'whole.sops.yaml', (text) => text.replace(/\n {4}unicode: .*/, ''), /its MAC/],
    [
      'a value made empty',
      'whole.sops.yaml',
      (text) => text.replace(/(\n {4}unicode:) .*/, '$1 ""'),
      /its MAC/,
    ],
    ['a value in clear', 'whole.sops.yaml', (text) => text.replace(/(unicode:) .*/, '$1 mine'), /its MAC/],
    ['a changed value in clear', 'some.sops.yaml', (text) => text.replace('ten', 'tan'), /its MAC/],
    ['another time', 'whole.sops.yaml', (text) => text.replace(/(lastmodified: "20)26/, '$127'), /its MAC/],
    [
      'a short tag',
      'whole.sops.yaml',
      (text) => text.replace('tag:CLTEFSbQHiC0pcc31bt91Q==', 'tag:CLTEFQ=='),
      /zeta\.password was/,
    ],
    ['no MAC', 'whole.sops.yaml', (text) => text.replace(/\n {4}mac: .*/, ''), /lacks its MAC/],
    [
      'values in clear that no MAC covers',
      'mac-only-some.sops.yaml',
      (text) => text,
      /zeta\.10 is not encrypted/,
    ],
    ['a damaged key', 'whole.sops.yaml', (text) => text.replace('YWdlLWVuY3', 'YWdlLWVuY4'), /age part/],
    [
      'a number',
      'number.sops.yaml',
      (text) => text,
      /db\.port: expected text, got a value of sops' type int/,
    ],
  ])('are refused with %s', async (_, name, change, message) => {
    const path = file(name, change(fixture(name)));
    const error = await failure(path);

    expect(error.exitCode).toBe(2);
    expect(error.message).toMatch(message);
    expect(error.at?.file).toBe(path);
    for (const value of [plain['zeta.password'], plain['alpha.unicode']])
      expect(JSON.stringify([error.message, error.hint])).not.toContain(value);
  });

  it('are refused when they are encrypted for other kinds of keys', async () => {
    const text = fixture('whole.sops.yaml').replace(
      /\n {4}age:[\s\S]*?(?=\n {4}lastmodified)/,
      '\n    pgp: []',
    );
    const error = await failure(file('pgp.sops.yaml', text));

    expect(error).toMatchObject({ code: 'SOPS_KEY', exitCode: 2 });
    expect(error.message).toMatch(/not encrypted for age/);
  });
});

describe('plain files', () => {
  it('are read, in silence when only their owner can', async () => {
    const { values, warnings } = await load(file('plain.yaml', fixture('plain.yaml')), {});

    expect(values).toEqual(plain);
    expect(warnings).toEqual([]);
  });

  it('warn when others can read them', async () => {
    const path = file('plain.yaml', 'db: { password: "secret word" }', 0o644);
    const { warnings } = await load(path, {});

    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/others can read it \(mode 644\)/);
    expect(warnings[0]).toContain(`chmod 600 ${path}`);
  });

  it.each<[string, string, RegExp, number]>([
    ['a number', 'db:\n  port: 5432\n', /db\.port: expected text/, 2],
    ['nothing', 'db:\n  password:\n', /db\.password: expected text/, 2],
    ['no map', 'db: secret word\n', /db: expected a map/, 1],
    ['a list', '- db\n', /expected Secrets/, 1],
    ['a name that cannot be', 'My_DB: { password: "x" }\n', /must be the name of a Secret/, 1],
    ['a key that cannot be', 'db:\n  "pass word": "x"\n', /must be a key of a Secret/, 2],
  ])('are refused with %s', async (_, content, message, line) => {
    const path = file('plain.yaml', content);
    const error = await failure(path, {});

    expect(error).toMatchObject({ exitCode: 2, at: { file: path, line } });
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain('secret word');
  });

  it.each([
    ['a wrong type', 'db:\n  password: [geheim-1234]\n'],
    ['an open quote', 'db:\n  password: "geheim-1234\n'],
    ['the same key twice', 'db:\n  password: a\n  password: geheim-1234\n'],
    ['an alias of nothing', 'db:\n  password: *geheim-1234\n'],
    ['a tab', 'db:\n\tpassword: geheim-1234\n'],
    ['a second document', 'db: { password: a }\n--- geheim-1234\n'],
    ['an expression that is none', 'db: { password: !hbs "{{#geheim-1234" }\n'],
  ])('show none of their lines with %s', async (_, content) => {
    const shown = new PassThrough();
    printError(await failure(file('plain.yaml', content), {}), { stream: shown, verbose: true });
    const text = String(shown.read());

    expect(text).toMatch(/plain\.yaml:\d+:\d+/);
    expect(text).not.toContain('geheim');
  });

  it('are refused when they are not there', async () => {
    const error = await failure('none.yaml', {});

    expect(error).toMatchObject({ code: 'FILE_MISSING', exitCode: 2 });
    expect(error.message).toContain(join(nowhere, 'none.yaml'));
  });

  it('are refused when a value is larger than a Secret can be', async () => {
    const half = 'x'.repeat(600 * 1024);
    const files = ['a', 'b'].map((name) => file(`${name}.yaml`, `db: { ${name}: "${half}" }`));
    const error = await failure(files, {});

    expect(error).toMatchObject({ code: 'SECRET_TOO_LARGE', exitCode: 2 });
    expect(error.message).toMatch(/db\.b/);
  });

  it('are refused when two say the same key', async () => {
    const files = ['a', 'b'].map((name) => file(`${name}.yaml`, 'db: { password: "x" }'));
    const error = await failure(files, {});

    expect(error).toMatchObject({ code: 'SECRET_TWICE', exitCode: 2 });
    for (const path of files) expect(error.message).toContain(path);
  });
});
