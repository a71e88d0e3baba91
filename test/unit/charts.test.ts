import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  asText,
  casesOf,
  chartNames,
  chartsFolder,
  goldenFolder,
  lint,
  readYaml,
  render,
  template,
} from '../helpers/golden-charts.ts';
import { brokenRules } from '../helpers/pod-rules.ts';

interface Schema {
  $ref?: string;
  type?: string | string[];
  additionalProperties?: unknown;
  properties?: Record<string, Schema>;
  definitions?: Record<string, Schema>;
}

/** Paths of all maps that the schema closes, beginning with the top: `[]`, `['image']`, ... */
function closedMaps(root: Schema, node: Schema = root, path: string[] = []): string[][] {
  const schema = node.$ref === undefined ? node : root.definitions![node.$ref.split('/').at(-1)!]!;
  const inner = Object.entries(schema.properties ?? {}).flatMap(([key, child]) =>
    closedMaps(root, child, [...path, key]),
  );
  return schema.additionalProperties === false ? [path, ...inner] : inner;
}

/** Names of values that could hold a secret; those that end in Name or Key only point at one. */
const isSecretKey = /(password|secret|token|access_?key)s?$/i;

function leaves(value: unknown, key = ''): [string, unknown][] {
  if (Array.isArray(value)) return value.flatMap((item) => leaves(item, key));
  if (typeof value !== 'object' || value === null) return [[key, value]];
  return Object.entries(value).flatMap(([name, child]) => leaves(child, name));
}

function nested(path: readonly string[], leaf: unknown): unknown {
  return path.reduceRight((inner, key) => ({ [key]: inner }), leaf);
}

describe.each(chartNames())('chart %s', (name) => {
  const chart = join(chartsFolder, name);
  const schema = readYaml('helm-charts', name, 'values.schema.json') as Schema;

  it('has what a chart of ours has', () => {
    const files = [
      'README.md',
      'values.schema.json',
      'templates/NOTES.txt',
      '.helmignore',
      'ci/default.yaml',
    ];

    expect(files.filter((file) => !existsSync(join(chart, file)))).toEqual([]);
    expect(readYaml('helm-charts', name, 'Chart.yaml')).toMatchObject({
      apiVersion: 'v2',
      name,
      type: 'application',
    });
  });

  it('describes the same values in values.yaml and in its schema', () => {
    const described = Object.keys(schema.properties!).filter((key) => key !== 'global');

    expect(described).toEqual(Object.keys(readYaml('helm-charts', name, 'values.yaml')));
  });

  it('runs the version that it says', () => {
    const { appVersion } = readYaml('helm-charts', name, 'Chart.yaml');

    expect(readYaml('helm-charts', name, 'values.yaml').image).toMatchObject({ tag: appVersion });
  });

  it('holds no secret', () => {
    const values = readYaml('helm-charts', name, 'values.yaml');

    expect(leaves(values).filter(([key, value]) => isSecretKey.test(key) && value !== '')).toEqual([]);
  });

  it.each(casesOf(name))('renders %s as before', async (values) => {
    const manifests = await render(chart, readYaml('helm-charts', name, 'ci', `${values}.yaml`));

    await expect(asText(manifests)).toMatchFileSnapshot(join(goldenFolder, 'charts', name, `${values}.yaml`));
  });

  it('has no rendered file without its case', () => {
    expect(readdirSync(join(goldenFolder, 'charts', name)).sort()).toEqual(
      casesOf(name).map((values) => `${values}.yaml`),
    );
  });

  it.each(casesOf(name))('keeps the rules of our charts with %s', async (values) => {
    const manifests = await render(chart, readYaml('helm-charts', name, 'ci', `${values}.yaml`));

    expect(manifests.flatMap(brokenRules)).toEqual([]);
  });

  it.each(casesOf(name))('passes helm lint --strict with %s', async (values) => {
    expect(await lint(chart, readYaml('helm-charts', name, 'ci', `${values}.yaml`))).toMatchObject({
      ok: true,
    });
  });

  it.each(closedMaps(schema).map((path) => [path.join('.') || 'the top', path] as const))(
    'refuses an unknown key in %s',
    async (_, path) => {
      const { ok, output } = await template(chart, nested([...path, 'unheardof'], true));

      expect(ok).toBe(false);
      expect(output).toContain('unheardof');
    },
  );

  it.each([
    ['a number as a tag', { image: { tag: 1.2 } }],
    ['a digest that is none', { image: { digest: 'sha256:12' } }],
    ['a list as annotations', { podAnnotations: ['a'] }],
    ['a root user', { podSecurity: { runAsUser: 0 } }],
  ])('refuses %s', async (_, values) => {
    const { ok, output } = await template(chart, values);

    expect(ok).toBe(false);
    expect(output).toContain('schema');
  });
});

describe('values that contradict each other', () => {
  it.each([
    ['minio', 'three pods in distributed mode', { mode: 'distributed', replicas: 3 }, 'minimum'],
    [
      'minio',
      'one claim for many pods',
      { mode: 'distributed', persistence: { existingClaim: 'a' } },
      'mode standalone',
    ],
    ['mlflow', 'two pods on one volume', { replicas: 2 }, 'a volume belongs to one pod'],
    ['mlflow', 's3 without a bucket', { artifacts: { type: 's3' } }, 'artifacts.s3.bucket'],
    ['mlflow', 'postgres without a host', { backend: { type: 'postgres' } }, 'backend.postgres.host'],
  ])('%s refuses %s', async (name, _, values, message) => {
    const { ok, output } = await template(join(chartsFolder, name), values);

    expect(ok).toBe(false);
    expect(output).toContain(message);
  });
});
