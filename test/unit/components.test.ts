import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { needOf, openCatalogue, packagedComponents } from '../../src/catalogue/catalogue.ts';
import { evaluateTree } from '../../src/config/template.ts';
import { asText, goldenFolder, render } from '../helpers/golden-charts.ts';
import { sampleContext } from '../helpers/sample-context.ts';

const catalogue = openCatalogue([]);
const nowhere = () => undefined;

describe.each(catalogue.names())('component %s', (name) => {
  const { spec, folder } = catalogue.get(name);
  const read = (file: string) => readFileSync(join(folder, file), 'utf8');
  const optional = Object.values(spec.needs).some((need) => typeof need !== 'string' && need.optional);
  const cases = optional ? [`${name}-full`, `${name}-minimal`] : [name];
  const chart =
    spec.chart?.path === undefined || spec.chart.git !== undefined
      ? undefined
      : join(folder, spec.chart.path);

  it('says what it is', () => {
    expect(spec.summary).toMatch(/^\S.{20,}\.$/);
    expect(read('README.md')).toMatch(new RegExp(`^# ${name}\n`));
  });

  it('describes every setting, with a default, in its component.yaml and its README', () => {
    const settings = Object.entries(spec.config);

    expect(
      settings.filter(([, { description, default: value }]) => !description || value === undefined),
    ).toEqual([]);
    expect(
      settings.map(([setting]) => setting).filter((setting) => !read('README.md').includes(`\`${setting}`)),
    ).toEqual([]);
  });

  it('has a settings file under its own name', () => {
    expect(Object.keys(parse(read('config.yaml')))).toEqual([name]);
  });

  it.each(cases)('has templates that can all be evaluated: %s', (variant) => {
    const context = sampleContext(spec, !variant.endsWith('-minimal'));
    const {
      provides,
      secrets,
      buckets,
      objects,
      namespaces,
      hooks,
      checks,
      links,
      images,
      chart: source,
    } = spec;
    const result = evaluateTree(
      { provides, secrets, buckets, objects, namespaces, hooks, checks, links, images, source },
      context,
      nowhere,
    );

    expect(JSON.stringify(result)).not.toContain('{{');
  });

  it.runIf(chart !== undefined).each(cases)('renders as before: %s', async (variant) => {
    const context = sampleContext(spec, !variant.endsWith('-minimal'));
    const file = join(folder, 'values.hbs.yaml');
    const values = existsSync(file) ? evaluateTree(parse(read('values.hbs.yaml')), context, nowhere) : {};

    await expect(asText(await render(chart!, values))).toMatchFileSnapshot(
      join(goldenFolder, 'components', `${variant}.yaml`),
    );
  });

  it.runIf(chart !== undefined && basename(chart) === name)('has the defaults of its chart', () => {
    const { image } = parse(readFileSync(join(chart!, 'values.yaml'), 'utf8'));
    const defaults = sampleContext(spec, false).config;

    expect(defaults).toMatchObject({ image: image.repository, tag: image.tag });
  });
});

describe('the catalogue', () => {
  it('can meet every need that is not optional', () => {
    const specs = catalogue.names().map((name) => catalogue.get(name).spec);
    const provided = new Set(specs.flatMap(({ provides }) => Object.keys(provides)));
    const unmet = specs.flatMap(({ name, needs }) =>
      Object.values(needs)
        .map(needOf)
        .filter(({ capability, optional }) => !optional && !provided.has(capability))
        .map(({ capability }) => `${name}: ${capability}`),
    );

    expect(unmet).toEqual([]);
  });

  it('pins every chart from afar to one version', () => {
    const loose = catalogue
      .names()
      .map((name) => catalogue.get(name).spec)
      .filter(({ chart }) => chart !== undefined && (chart.repo ?? chart.oci ?? chart.git) !== undefined)
      .filter(({ chart }) => !/^v?\d+\.\d+\.\d+$/.test(chart!.version ?? chart!.ref ?? ''))
      .map(({ name }) => name);

    expect(loose).toEqual([]);
  });

  it('holds no literal secret', () => {
    const values = catalogue
      .names()
      .map((name) => join(catalogue.get(name).folder, 'values.hbs.yaml'))
      .filter((file) => existsSync(file))
      .flatMap((file) => secretsIn(parse(readFileSync(file, 'utf8')), file));

    expect(values).toEqual([]);
  });
});

/** Texts under names of secrets; `{secret, key}` and names of Secrets only point at one. */
function secretsIn(value: unknown, file: string, path = ''): string[] {
  if (typeof value !== 'object' || value === null) {
    const key = path.split('.').at(-1)!;
    const points = /(name|key|ref|existingSecret)$/i.test(key) || path.split('.').at(-2) === 'secret';
    return /(password|secret|token)$/i.test(key) && typeof value === 'string' && value !== '' && !points
      ? isPointer(value)
        ? []
        : [`${file}: ${path}`]
      : [];
  }
  return Object.entries(value).flatMap(([key, child]) =>
    secretsIn(child, file, path === '' ? key : `${path}.${key}`),
  );
}

/** A reference by template, such as the name of the release's own Secret. */
function isPointer(value: string): boolean {
  return value.includes('{{');
}

it('looks at the packaged components', () => {
  expect(existsSync(packagedComponents)).toBe(true);
  expect(catalogue.names()).toEqual(expect.arrayContaining(['dask', 'minio', 'mlflow']));
});
