import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { validate } from '../../src/actions/config.ts';
import { packageRoot } from '../../src/util/paths.ts';
import { badInput } from '../helpers/bad-input.ts';
import { workspace } from '../helpers/workspace.ts';

const read = (...path: string[]) => readFileSync(join(packageRoot, ...path), 'utf8');

/** Whether a document passes a generated schema. */
function passes(kind: 'flavour' | 'target' | 'component', document: unknown): boolean {
  const { $schema, title, ...schema } = JSON.parse(read('schemas', `${kind}.json`));
  return z.fromJSONSchema(schema).safeParse(document).success;
}

describe('the generated files', () => {
  it('are as `npm run schema` would make them', () => {
    const script = join(packageRoot, 'scripts', 'schema.js');

    expect(execFileSync(process.execPath, [script, '--check'], { encoding: 'utf8' })).toBe('');
  }, 60_000);
});

describe('the schemas', () => {
  const yamlIn = (...folder: string[]) =>
    readdirSync(join(packageRoot, ...folder)).flatMap((name) =>
      name.endsWith('.yaml') ? [[name, parse(read(...folder, name))] as const] : [],
    );
  const components = readdirSync(join(packageRoot, 'components'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('_'))
    .map(({ name }) => [name, parse(read('components', name, 'component.yaml'))] as const);

  it.each([...yamlIn('flavours'), ...yamlIn('test', 'fixtures', 'original', 'flavours')])(
    'accept the flavour %s',
    (_, document) => {
      expect(passes('flavour', document)).toBe(true);
    },
  );

  it.each([...yamlIn('k8s', 'configs'), ...yamlIn('test', 'fixtures', 'original', 'targets')])(
    'accept the target %s',
    (_, document) => {
      expect(passes('target', document)).toBe(true);
    },
  );

  it.each(components)('accept the component %s', (_, document) => {
    expect(passes('component', document)).toBe(true);
  });

  // What a schema can know: the rest needs the other files.
  it.each([
    'an unknown key, with the nearest',
    'an unknown key of the project',
    'an unknown key in a target section that is not used',
    'the wrong type',
    'version: 1.2',
    'a section that is a list',
    'a namespace that is no DNS label',
    'inline components that are a list',
    'an inline component with an unknown word',
    'an unknown provider of a target',
    'a version of the format that is not known',
  ])('refuse %s', (name) => {
    expect(passes('flavour', parse(String(badInput[name]!.files['flavour.yaml'])))).toBe(false);
  });

  it.each([
    ['target', { local: { provider: 'kind', cpu: 1 } }],
    ['target', { nowhere: {} }],
    ['component', { name: 'x', chrat: {} }],
    ['component', { summary: 'no name' }],
    ['component', { name: 'x', secrets: { s: { key: { generate: 2 } } } }],
  ] as const)('refuse a wrong %s: %j', (kind, document) => {
    expect(passes(kind, document)).toBe(false);
  });
});

describe('docs/configuration.md', () => {
  const guide = read('docs', 'configuration.md');
  const blocks = [...guide.matchAll(/```yaml\n# (\S+)\n([\s\S]*?)```/g)].map(
    ([, file, text]) => [file!, text!] as const,
  );

  it('has a file name on every example', () => {
    expect(blocks.length).toBe(guide.split('```yaml').length - 1);
    expect(blocks.length).toBeGreaterThan(5);
  });

  const folder = workspaceOf(blocks);
  it.each(blocks)('has an example that is valid: %s', (file) => {
    const { kind, warnings } = validate(join(folder(), file));

    expect(kind).toBe(file === 'target.yaml' ? 'target' : 'flavour');
    expect(warnings).toEqual([]);
  });

  it('says what every key means', () => {
    const rows = guide.split('\n').filter((line) => line.startsWith('| `'));

    expect(rows.length).toBeGreaterThan(80);
    expect(rows.filter((row) => row.endsWith('|  |') && row.split(' | ').length === 4)).toEqual([]);
  });

  it('names every setting of every component', () => {
    for (const name of readdirSync(join(packageRoot, 'components')).filter((one) => /^[a-z]+$/.test(one))) {
      const { config } = parse(read('components', name, 'component.yaml')) as { config: object };
      const section = guide.split(`#### ${name}\n`)[1]!.split(/\n#+ /)[0]!;
      for (const setting of Object.keys(config)) expect(section).toContain(`| \`${setting}\` |`);
    }
  });
});

function workspaceOf(blocks: ReadonlyArray<readonly [string, string]>): () => string {
  let folder: string | undefined;
  const files = { ...Object.fromEntries(blocks), 'charts/api/Chart.yaml': 'name: api\n' };
  return () => {
    folder ??= workspace(files);
    return folder;
  };
}
