// Bundles src/ into split ESM: one small entry, one chunk per command, so that
// `datamill --help` loads commander and nothing else.
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { build } from 'esbuild';

// Tests build into a folder of their own.
const outdir = process.argv[2] ?? 'dist';
const { version } = JSON.parse(await readFile('package.json', 'utf8'));

/** zod brings its messages in fifty languages, which would be compiled at every start; we write our own. */
const withoutLocales = {
  name: 'without-locales',
  setup({ onLoad }) {
    onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, () => ({ contents: 'export {};' }));
  },
};

/**
 * The Kubernetes library brings a fetch of its own, whose tables of characters are large and whose
 * punycode makes Node 24 warn; we ask of that library only credentials and port-forwards.
 */
const withPlatformFetch = {
  name: 'with-platform-fetch',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node-fetch$/ }, () => ({ path: 'node-fetch', namespace: 'platform' }));
    onLoad({ filter: /.*/, namespace: 'platform' }, () => ({
      contents: `
        export default globalThis.fetch;
        export const { Headers, Request, Response, FormData } = globalThis;
        export class AbortError extends Error {}
        export class FetchError extends Error {}
      `,
    }));
  },
};

const result = await build({
  entryPoints: ['src/cli.ts', 'src/index.ts'],
  outdir,
  bundle: true,
  splitting: true,
  // Names stay, for stack traces that can be read, and classes that are known by their names.
  minifyWhitespace: true,
  minifySyntax: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  chunkNames: 'chunks/[name]-[hash]',
  sourcemap: false,
  metafile: true,
  write: false,
  // Its ES modules: `import('yaml')` of the CommonJS build would hide the named exports.
  alias: { yaml: './node_modules/yaml/browser/index.js' },
  plugins: [withoutLocales, withPlatformFetch],
  // An optional native speed-up of ssh2; the pure JavaScript path is used.
  external: ['cpu-features', '*.node'],
  define: { __DATAMILL_VERSION__: JSON.stringify(version) },
  // Some dependencies are CommonJS and ask for `require` and `__dirname` at run time.
  banner: {
    js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url),__dirname=import.meta.dirname;",
  },
  logLevel: 'warning',
});
// Only now, so that a build that fails leaves the last one where it is.
await rm(outdir, { recursive: true, force: true });
await mkdir(`${outdir}/chunks`, { recursive: true });
await Promise.all(result.outputFiles.map(({ path, contents }) => writeFile(path, contents)));
await writeFile(`${outdir}/meta.json`, JSON.stringify(result.metafile));
await chmod(`${outdir}/cli.js`, 0o755);
