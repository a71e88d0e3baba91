import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openCatalogue } from '../../src/catalogue/catalogue.ts';
import { readChartArchive } from '../../src/helm/archive.ts';
import { chartName } from '../../src/helm/mirror.ts';
import { resolve } from '../../src/resolve/resolve.ts';
import { resolveTools } from '../../src/tools/index.ts';
import { exec } from '../../src/util/exec.ts';
import { component, workspace } from '../helpers/workspace.ts';

/** The folder of charts that `npm run test:upstream -- --mirror DIR` names. */
const mirror = process.env.DATAMILL_UPSTREAM ?? '';
const archives = (mirror === '' ? [] : readdirSync(mirror))
  .filter((file) => file.endsWith('.tgz'))
  .map((file) => ({ ...readChartArchive(join(mirror, file)), path: join(mirror, file) }));
const catalogue = openCatalogue([]);

/** Components whose chart comes from afar, with the archive that the folder has of it. */
const upstream = catalogue
  .names()
  .map((name) => ({ name, chart: catalogue.get(name).spec.chart }))
  .filter(({ chart }) => chart !== undefined && (chart.repo ?? chart.oci ?? chart.git) !== undefined)
  .map(({ name, chart }) => ({ name, archive: archives.find((one) => one.name === chartName(chart!)) }));

describe.each(upstream)('the chart of $name', ({ name, archive }) => {
  it.skipIf(archive === undefined)('renders with our values, and passes helm lint', async () => {
    const flavours = [
      join(workspace({ 'flavour.yaml': `project: { flavour: [${name}, minio, dask] }\n` }), 'flavour.yaml'),
    ];
    const set = [
      `${name}.version=${JSON.stringify(archive!.version)}`,
      'project.providers={s3: minio, dask: dask}',
    ];
    const { values } = component(resolve({ flavours, set }), name);
    const helm = (await resolveTools(['helm'])).get('helm')!.path;
    const input = JSON.stringify(withoutPointers(values));
    const more = ['--kube-version', '1.35.4', '--values', '-'];
    const rendered = await exec(helm, ['template', name, archive!.path, '-n', 'data-mill', ...more], {
      input,
    });
    const lint = await exec(helm, ['lint', archive!.path, ...more], { input });

    expect(rendered.exitCode, rendered.stderr).toBe(0);
    expect(lint.exitCode, lint.stdout + lint.stderr).toBe(0);
  });
});

/** `{secret, key}` becomes the text that stands there in the end. */
function withoutPointers(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const keys = Object.keys(value).sort().join(' ');
  if (keys === 'key secret') return 'a-value-of-more-than-thirty-two-letters';
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, withoutPointers(child)]));
}
