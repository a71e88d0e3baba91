// Writes the charts, flavours and the helmfile that the contestants install: made at run time
// out of the one small chart in bench/chart and the one component in bench/component.
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';

const CHART = fileURLToPath(new URL('../chart', import.meta.url));
const COMPONENT = fileURLToPath(new URL('../component', import.meta.url));
const SECRET = { name: 'lake', accessKey: 'user', secretKey: 'password' };

export function names(count) {
  return Array.from({ length: count }, (_, index) => `web-${String(index).padStart(3, '0')}`);
}

/** Copies of the small chart, each under a name of its own. */
export async function writeCharts(folder, count) {
  const description = await readFile(join(CHART, 'Chart.yaml'), 'utf8');
  for (const name of names(count)) {
    const chart = join(folder, 'charts', name);
    await cp(CHART, chart, { recursive: true });
    await writeFile(join(chart, 'Chart.yaml'), description.replace('name: bench', `name: ${name}`));
  }
}

/** A flavour that defines its components itself, one for each chart. */
export async function writeFlavour(folder, file, { count, namespace, project = namespace, message }) {
  const components = Object.fromEntries(
    names(count).map((name) => [name, { chart: { path: `./charts/${name}` }, values: { message } }]),
  );
  const flavour = { project: { name: project, k8s_namespace: namespace }, components };
  return await writeJson(join(folder, file), flavour);
}

/** The same releases for helmfile. */
export async function writeHelmfile(folder, file, { count, namespace, context, message }) {
  const releases = names(count).map((name) => ({
    name,
    namespace,
    chart: `./charts/${name}`,
    values: [{ message }],
  }));
  const helmDefaults = { kubeContext: context, wait: true, createNamespace: false, timeout: 600 };
  // helmfile looks for its keys at the beginnings of lines, so JSON will not do.
  const path = join(folder, file);
  await writeFile(path, stringify({ helmDefaults, releases }));
  return path;
}

/** The cluster of the measurements: room for several hundred pods. */
export async function writeTarget(folder) {
  return await writeJson(join(folder, 'target.yaml'), {
    local: { provider: 'rehearsal', name: 'bench', nodes: 8 },
  });
}

/**
 * A flavour of many components, each in a folder of its own with settings, a need, an order,
 * templates and a section in the flavour, as the packaged ones have them.
 */
export async function writeLargeFlavour(folder, count) {
  await writeCharts(folder, 1);
  const all = names(count);
  const text = await readFile(join(COMPONENT, 'component.yaml'), 'utf8');
  for (const [index, name] of all.entries()) {
    const target = join(folder, 'components', name);
    await cp(COMPONENT, target, { recursive: true });
    const after = index < 2 ? '' : all[index >> 1];
    const own = text.replace('name: bench', `name: ${name}`).replace('after: []', `after: [${after}]`);
    await writeFile(join(target, 'component.yaml'), own);
  }
  const sections = all.map((name, index) => [
    name,
    { message: `page ${index}`, values: { extra: { index } } },
  ]);
  const flavour = {
    project: { flavour: all, k8s_namespace: 'large' },
    external: { s3: { endpoint: 'https://s3.example.com', secret: SECRET } },
    ...Object.fromEntries(sections),
  };
  return await writeJson(join(folder, 'large.yaml'), flavour);
}

/** JSON is YAML. */
async function writeJson(path, value) {
  await writeFile(path, `${JSON.stringify(value, null, 2)}\n`);
  return path;
}
