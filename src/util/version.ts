import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from './paths.ts';

declare const __DATAMILL_VERSION__: string | undefined;

/** Version of this program; the bundle holds it, sources read it from package.json. */
export const version: string =
  typeof __DATAMILL_VERSION__ === 'string'
    ? __DATAMILL_VERSION__
    : (JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }).version;
