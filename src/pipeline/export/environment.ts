import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readDocument } from '../../config/read.ts';
import { unknownKey } from '../../config/validate.ts';
import { isFile } from '../place.ts';
import type { Problems } from '../problems.ts';

/** The conda environment of a project. */
export interface CondaEnvironment {
  name: string;
  /** What pip installs. */
  pip: string[];
  /** What only conda can install, beside Python itself. */
  conda: string[];
  /** Digest of what the environment is made of: pods share one that has the same. */
  digest: string;
}

const KEYS = ['name', 'channels', 'dependencies', 'variables', 'prefix', 'category', 'platforms'];
const PLAIN = new Set(['python', 'pip', 'setuptools', 'wheel']);

/**
 * Reads `environment.yml`; what is wrong with it is collected.
 *
 * @param file relative to the project.
 */
export function readEnvironmentFile(
  file: string,
  root: string,
  problems: Problems,
): CondaEnvironment | undefined {
  const path = join(root, file);
  if (!isFile(path)) {
    const other = file.replace(/yml$/, 'yaml');
    const meant = other !== file && existsSync(join(root, other));
    problems.add(
      'ENVIRONMENT_MISSING',
      `there is no ${file} in the project, which says what its tasks need`,
      { file: path },
      meant ? `rename ${other} to ${file}` : 'make one: conda env export --from-history > environment.yml',
    );
    return undefined;
  }
  return problems.attempt(() => {
    const document = readDocument(path, 'environment');
    const data = (document.data ?? {}) as Record<string, unknown>;
    for (const key of Object.keys(data))
      if (!KEYS.includes(key)) throw unknownKey(key, KEYS, { document, path: [], label: '' });
    const { name, dependencies = [] } = data;
    if (typeof name !== 'string' || name.trim() === '')
      problems.add(
        'ENVIRONMENT_INVALID',
        `${file} has no name`,
        document.locate(['name']),
        'add `name: my-project` at the top',
      );
    if (!Array.isArray(dependencies)) {
      problems.add('ENVIRONMENT_INVALID', 'dependencies: expected a list', document.locate(['dependencies']));
      return undefined;
    }
    return { name: String(name), ...splitDependencies(dependencies), digest: digestOf(path, root) };
  });
}

function splitDependencies(dependencies: unknown[]): { pip: string[]; conda: string[] } {
  const pip = dependencies.flatMap((one) => {
    const list = typeof one === 'object' && one !== null ? (one as { pip?: unknown }).pip : undefined;
    return Array.isArray(list) ? list.map(String) : [];
  });
  const conda = dependencies.filter((one) => typeof one === 'string' && !PLAIN.has(bare(one))).map(String);
  return { pip, conda };
}

/** `conda-forge::python=3.11` is `python`. */
function bare(spec: string): string {
  return spec
    .split('::')
    .at(-1)!
    .split(/[=<>!~\s[]/)[0]!
    .toLowerCase();
}

function digestOf(path: string, root: string): string {
  const digest = createHash('sha256').update(readFileSync(path));
  for (const name of ['setup.py', 'setup.cfg', 'pyproject.toml']) {
    const file = join(root, name);
    if (isFile(file)) digest.update(name).update(readFileSync(file));
  }
  return digest.digest('hex').slice(0, 16);
}
