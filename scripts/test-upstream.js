// Renders and lints every component with a chart from afar, from a folder of charts:
// `npm run test:upstream -- --mirror DIR`. What the folder lacks is skipped by name.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

const at = process.argv.indexOf('--mirror');
const folder = at < 0 ? process.env.DATAMILL_MIRROR : process.argv[at + 1];
if (folder === undefined || !existsSync(folder)) {
  console.error('Name a folder of packaged charts: npm run test:upstream -- --mirror DIR');
  process.exit(2);
}
const more = process.argv.slice(2).filter((_, index) => index + 2 !== at && index + 2 !== at + 1);
const { status } = spawnSync(
  'npx',
  ['vitest', 'run', '--project', 'upstream', '--reporter=verbose', ...more],
  {
    stdio: 'inherit',
    env: { ...process.env, DATAMILL_UPSTREAM: resolve(folder) },
  },
);
process.exit(status ?? 1);
