import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { openCatalogue, packagedComponents } from '../../src/catalogue/catalogue.ts';
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
    const { provides, secrets, buckets, objects, namespaces, hooks, checks, links, images } = spec;
    const result = evaluateTree(
      { provides, secrets, buckets, objects, namespaces, hooks, checks, links, images },
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

  it.runIf(chart !== undefined)('has the defaults of its chart', () => {
    const { image } = parse(readFileSync(join(chart!, 'values.yaml'), 'utf8'));
    const defaults = sampleContext(spec, false).config;

    expect(defaults).toMatchObject({ image: image.repository, tag: image.tag });
  });
});

it('looks at the packaged components', () => {
  expect(existsSync(packagedComponents)).toBe(true);
  expect(catalogue.names()).toEqual(expect.arrayContaining(['dask', 'minio', 'mlflow']));
});
