// Runs test/testbed/index.ts, bundled on the fly: a one-node Kubernetes with real pods.
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
// Below node_modules, where the bundle finds the packages that it leaves out.
const outfile = join(root, 'node_modules', '.cache', 'testbed', `${process.pid}.mjs`);
await mkdir(dirname(outfile), { recursive: true });
await build({
  entryPoints: [join(root, 'test', 'testbed', 'index.ts')],
  outfile,
  bundle: true,
  packages: 'external',
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  sourcemap: 'inline',
  logLevel: 'warning',
});
const { main } = await import(pathToFileURL(outfile).href);
await rm(outfile, { force: true });
process.exitCode = await main(process.argv.slice(2));
