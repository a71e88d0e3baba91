// Starts a component: copies components/_template and puts the name in.
// node scripts/new-component.js NAME [FOLDER]
import { existsSync } from 'node:fs';
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { importSource } from './source.js';

const packaged = join(dirname(fileURLToPath(import.meta.url)), '..', 'components');
const usage =
  'usage: npm run new:component NAME [FOLDER]\n  FOLDER  where to put it (default: components of this package)';
function fail(message) {
  console.error(message);
  process.exit(2);
}

const [name, folder = packaged, ...rest] = process.argv.slice(2);
if (name === undefined || rest.length > 0 || name.startsWith('-')) fail(usage);
const { reservedComponents } = await importSource('src/config/schema/component.ts');
// The name becomes one of a release.
const { releaseName } = await importSource('src/config/schema/common.ts');
const problem = releaseName.safeParse(name).error?.issues[0];
if (problem !== undefined) fail(`"${name}" cannot be a name: ${problem.message}`);
if (reservedComponents.includes(name))
  fail(`a component cannot be called "${name}": flavour files use this name for something else`);
const target = resolve(folder, name);
if (existsSync(target)) fail(`${target} is there already`);

await cp(join(packaged, '_template'), target, { recursive: true, errorOnExist: true, force: false });
try {
  for (const file of await readdir(target)) {
    const path = join(target, file);
    await writeFile(path, (await readFile(path, 'utf8')).replaceAll('NAME', name));
  }
} catch (error) {
  await rm(target, { recursive: true, force: true });
  throw error;
}

const shown = relative(process.cwd(), target) || basename(target);
console.log(`${shown} is there. Next:
  1. ${shown}/component.yaml: the chart, the settings, what it needs and provides, its checks
  2. ${shown}/values.hbs.yaml: the chart's values, from the settings
  3. ${shown}/README.md: what a user must know
  4. datamill validate ${shown}/component.yaml
  5. add ${name} to \`flavour:\` of a flavour, and: datamill render -f FLAVOUR, datamill up -f FLAVOUR`);
