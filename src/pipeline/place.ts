import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { configError } from '../errors.ts';
import type { Place } from './types.ts';

/** So many folders up a project is looked for. */
const LEVELS = 6;

/**
 * Finds the pipeline file as Ploomber finds it: as given; named by ENTRY_POINT; in setup.cfg; or
 * pipeline.yaml in the folder or one above, or in `src/*` beside a setup.py.
 *
 * @param entry the file as given on the command line.
 * @throws {DatamillError} PIPELINE_MISSING or PIPELINE_LAYOUT (exit 2).
 */
export function findPlace(entry: string | undefined, cwd: string, env: NodeJS.ProcessEnv): Place {
  const spec = entry === undefined ? defaultSpec(cwd, env) : resolve(cwd, entry);
  if (!isFile(spec)) {
    throw configError('PIPELINE_MISSING', `there is no pipeline file ${JSON.stringify(entry ?? spec)}`, {
      hint: 'go to the folder of the project, or name the file: -e path/to/pipeline.yaml',
    });
  }
  const folder = dirname(spec);
  return { spec, folder, root: findRoot(folder, basename(spec)), name: basename(folder) };
}

function defaultSpec(cwd: string, env: NodeJS.ProcessEnv): string {
  const name = env.ENTRY_POINT ?? '';
  if (/[\\/]/.test(name)) {
    throw configError(
      'PIPELINE_MISSING',
      `ENTRY_POINT is "${name}", but must be the name of a file, without folders`,
      {
        hint: 'name the file with -e instead',
      },
    );
  }
  const configured = fromSetupCfg(cwd);
  if (configured !== undefined) return configured;
  const file = name === '' ? 'pipeline.yaml' : name;
  const root = findRoot(cwd, file);
  return (isFile(join(root, 'setup.py')) ? packaged(root, file) : undefined) ?? join(root, file);
}

/** `[ploomber] entry-point = …` in the nearest setup.cfg. */
function fromSetupCfg(cwd: string): string | undefined {
  const found = upwards(cwd, 'setup.cfg');
  if (found === undefined || statSync(found.file).size > 1024 * 1024) return undefined;
  const section = /^\[ploomber\][ \t]*\r?\n((?:(?!\[).*(?:\n|$))*)/m.exec(
    readFileSync(found.file, 'utf8'),
  )?.[1];
  const value = /^entry[-_]point\s*[=:]\s*(\S+)/m.exec(section ?? '')?.[1];
  return value === undefined ? undefined : join(dirname(found.file), value);
}

/**
 * The folder of a project: that of setup.py, or of the pipeline file when it is nearer.
 *
 * @throws {DatamillError} PIPELINE_MISSING or PIPELINE_LAYOUT (exit 2).
 */
function findRoot(start: string, file: string): string {
  const setup = upwards(start, 'setup.py');
  const pipeline = upwards(start, file);
  const underSrc = pipeline !== undefined && basename(dirname(dirname(pipeline.file))) === 'src';
  if (pipeline !== undefined && dirname(pipeline.file) === '/')
    throw layoutError(
      `${file} cannot stand in the root of the file system`,
      'move it into a folder of its own',
    );
  if (pipeline !== undefined && setup === undefined) {
    if (underSrc)
      throw layoutError(
        `${pipeline.file} stands in a folder of src/, as in a package, but there is no setup.py`,
        'add a setup.py beside src/, or give the folder src another name',
      );
    return dirname(pipeline.file);
  }
  if (setup === undefined) {
    throw configError('PIPELINE_MISSING', `there is no ${file} here, nor in a folder above`, {
      hint: 'go to the folder of the project, or name the file: -e path/to/pipeline.yaml',
    });
  }
  if (pipeline !== undefined && pipeline.levels < setup.levels && !underSrc) return dirname(pipeline.file);
  return packageRoot(dirname(setup.file), file);
}

function packageRoot(root: string, file: string): string {
  const inside = packaged(root, file);
  const beside = existsSync(join(root, file));
  if (inside === undefined && !beside)
    throw layoutError(
      `there is a setup.py in ${root}, but no src/*/${file} beside it`,
      `move ${file} into the package, or name it with -e`,
    );
  if (inside !== undefined && beside)
    throw layoutError(`there are two: ${join(root, file)} and ${inside}`, 'give one of them another name');
  return root;
}

/** The first `src/NAME/FILE`. */
function packaged(root: string, file: string): string | undefined {
  const src = join(root, 'src');
  if (!existsSync(src) || !statSync(src).isDirectory()) return undefined;
  return readdirSync(src)
    .filter((name) => !name.startsWith('.') && !name.endsWith('.egg-info'))
    .sort()
    .map((name) => join(src, name, file))
    .find((path) => existsSync(path));
}

/** The root of the nearest project, when there is one; what `{{root}}` stands for. */
export function tryRoot(start: string): string | undefined {
  try {
    return findRoot(start, 'pipeline.yaml');
  } catch {
    return undefined;
  }
}

function upwards(start: string, name: string): { file: string; levels: number } | undefined {
  let folder = resolve(start);
  for (let levels = 0; levels < LEVELS; levels += 1, folder = dirname(folder)) {
    const file = join(folder, name);
    if (existsSync(file)) return { file, levels };
  }
  return undefined;
}

export function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function layoutError(message: string, hint: string) {
  return configError('PIPELINE_LAYOUT', message, { hint });
}
