// Writes schemas/*.json and the tables of docs/configuration.md from the schemas of the source.
// node scripts/schema.js [--check]   --check: write nothing, exit 1 when a file is not as it should be
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { withReference } from './reference.js';

const root = join(import.meta.dirname, '..');
const check = process.argv.includes('--check');

/** The TypeScript of the schemas, bundled on the fly. It stands inside the package, whose folders it reads. */
async function load() {
  await mkdir(join(root, 'node_modules', '.cache'), { recursive: true });
  const folder = await mkdtemp(join(root, 'node_modules', '.cache', 'datamill-schema-'));
  try {
    const outfile = join(folder, 'schemas.mjs');
    await build({
      entryPoints: ['src/catalogue/schemas.ts'],
      absWorkingDir: root,
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'node',
      packages: 'external',
      logLevel: 'warning',
    });
    return await import(pathToFileURL(outfile).href);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const source = await load();
const schemas = source.jsonSchemas();
const wanted = new Map(
  Object.entries(schemas).map(([name, schema]) => [
    join('schemas', `${name}.json`),
    `${JSON.stringify(schema, null, 2)}\n`,
  ]),
);
const guide = join('docs', 'configuration.md');
wanted.set(guide, withReference(await readFile(join(root, guide), 'utf8'), source));

let stale = 0;
for (const [file, text] of wanted) {
  const now = await readFile(join(root, file), 'utf8').catch(() => undefined);
  if (now === text) continue;
  stale += 1;
  if (!check) await writeFile(join(root, file), text);
  console.log(check ? `${file} is stale: run npm run schema` : `${file} written`);
}
if (check && stale > 0) process.exitCode = 1;
