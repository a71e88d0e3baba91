// Writes schemas/*.json and the tables of docs/configuration.md from the schemas of the source.
// node scripts/schema.js [--check]   --check: write nothing, exit 1 when a file is not as it should be
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withReference } from './reference.js';
import { importSource } from './source.js';

const root = join(import.meta.dirname, '..');
const check = process.argv.includes('--check');

const source = await importSource('src/catalogue/schemas.ts');
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
