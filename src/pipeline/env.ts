import { existsSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import type { ParsedDocument } from '../config/document.ts';
import { configError } from '../errors.ts';
import { cast } from './cast.ts';
import { readPipelineDocument } from './document.ts';
import { mapLeaves, type Values } from './expand.ts';
import type { GitFacts } from './git.ts';
import { CURLY, fillIn, JinjaSyntax, readTemplate, SQUARE, undeclared } from './jinja/index.ts';
import { tryRoot } from './place.ts';
import type { Problems } from './problems.ts';
import { isMap, type PyMap, type PyValue } from './values.ts';

export interface EnvOptions {
  spec: string;
  folder: string;
  cwd: string;
  /** `--env NAME`: env.NAME.yaml instead of the one that belongs to the pipeline file. */
  name?: string;
  /** `--env--KEY VALUE`, by dotted key. */
  overrides: ReadonlyMap<string, string>;
  variables: NodeJS.ProcessEnv;
  git: GitFacts;
}

/** The environment of a pipeline: the values of its placeholders. */
export interface Environment extends Values {
  file?: string;
  /** Keys that the user declared, to tell those that nothing uses. */
  declared: string[];
}

/**
 * Reads the env file that belongs to a pipeline file.
 *
 * @throws {DatamillError} ENV_MISSING, ENV_INVALID or ENV_EXTENSION (exit 2).
 */
export function readEnvironment(options: EnvOptions, problems: Problems): Environment {
  const file = envFile(options);
  const document = file === undefined ? undefined : readPipelineDocument(file, 'env');
  const own = document === undefined ? {} : asEnv(document);
  const data = new Expander(options, file, problems).expand(own, document);
  override(data, options, file !== undefined);
  const builtIn = builtIns(options);
  return {
    file,
    declared: Object.keys(own).filter((key) => key !== 'meta' && !(key in builtIn)),
    get: (name) => (Object.hasOwn(data, name) ? data[name] : builtIn[name]?.()),
    hint: (name) => hintFor(name, file),
  };
}

function hintFor(name: string, file: string | undefined): string {
  if (name === 'git' || name === 'git_hash')
    return `the project must be in a git repository with a commit, without settings that run programs; or give it: --env--${name} VALUE`;
  if (file === undefined) return `add an env.yaml beside the pipeline file with \`${name}: VALUE\``;
  return `add \`${name}: VALUE\` to ${basename(file)}`;
}

/** PLOOMBER_ENV_FILENAME, then env.NAME.yaml for pipeline.NAME.yaml, then env.yaml; here first, then beside it. */
function envFile({ spec, folder, cwd, name, variables }: EnvOptions): string | undefined {
  const wanted = variables.PLOOMBER_ENV_FILENAME ?? '';
  if (/[\\/]/.test(wanted))
    throw configError(
      'ENV_MISSING',
      `PLOOMBER_ENV_FILENAME is "${wanted}", but must be the name of a file, without folders`,
      {
        hint: 'put the file beside the pipeline file and give its name',
      },
    );
  const given = wanted !== '' ? wanted : name === undefined ? undefined : `env.${name}.yaml`;
  const parts = basename(spec).split('.');
  const own = parts.length < 3 ? 'env.yaml' : `env.${parts[1]}.yaml`;
  const look = (file: string) => [join(cwd, file), join(folder, file)].find((path) => existsSync(path));
  const found = look(given ?? own);
  if (found === undefined && given !== undefined)
    throw configError('ENV_MISSING', `there is no ${given}, neither here nor beside ${basename(spec)}`, {
      hint: 'check its name',
    });
  const file = found ?? look('env.yaml');
  const misnamed = file === undefined ? look(own.replace(/yaml$/, 'yml')) : undefined;
  if (misnamed !== undefined)
    throw configError('ENV_EXTENSION', `${basename(misnamed)} is not read: the name must end in .yaml`, {
      at: { file: misnamed, line: 1, column: 1 },
      hint: `rename it to ${basename(misnamed).replace(/yml$/, 'yaml')}`,
    });
  return file === undefined ? undefined : resolve(file);
}

function asEnv(document: ParsedDocument): PyMap {
  const { data, locate } = document;
  if (!isMap(data))
    throw configError('ENV_INVALID', 'an env file must be a map of names and values', { at: locate([]) });
  for (const key of Object.keys(data)) {
    if (key.startsWith('_') && key !== '_module')
      throw configError('ENV_INVALID', `the key "${key}" begins with an underscore`, {
        at: locate([key], 'key'),
      });
  }
  const doubled = nestedKeys(data).find((path) => path.at(-1)!.includes('__'));
  if (doubled !== undefined)
    throw configError('ENV_INVALID', `the key "${doubled.at(-1)}" has two underscores in a row`, {
      at: locate(doubled, 'key'),
    });
  return data;
}

function nestedKeys(data: PyMap, path: string[] = []): string[][] {
  return Object.entries(data).flatMap(([key, value]) => [
    [...path, key],
    ...(isMap(value) ? nestedKeys(value, [...path, key]) : []),
  ]);
}

/** Names that have a value everywhere; where the file declares one itself, its value counts. */
function builtIns({ folder, cwd, git }: EnvOptions): Record<string, () => PyValue | undefined> {
  return {
    here: () => folder,
    cwd: () => cwd,
    root: () => tryRoot(folder),
    user: () => userInfo().username,
    now: () => now(),
    git: () => git.git,
    git_hash: () => git.git_hash,
  };
}

/** Local time as Python's `datetime.now().isoformat()`. */
function now(): string {
  const date = new Date();
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return `${local.toISOString().slice(0, -1)}000`;
}

/** Fills in the placeholders of an env file: later keys may use earlier ones. */
class Expander {
  private readonly options: EnvOptions;
  private readonly file: string | undefined;
  private readonly problems: Problems;
  private readonly known: PyMap = {};
  constructor(options: EnvOptions, file: string | undefined, problems: Problems) {
    this.options = options;
    this.file = file;
    this.problems = problems;
  }

  expand(own: PyMap, document: ParsedDocument | undefined): PyMap {
    const base = document === undefined ? {} : this.imported(own, document);
    const data = merge(base, own);
    const result: PyMap = {};
    for (const [key, value] of Object.entries(data)) {
      if (key === 'meta') continue;
      result[key] = mapLeaves(value, [key], (text, path) => {
        const at = () => document?.locate(path) ?? { file: this.file ?? '' };
        return this.problems.attempt(() => this.leaf(text, key, at)) ?? text;
      });
      this.known[key] = result[key];
    }
    return result;
  }

  /** `meta: {import_from: other.yaml}`: values of another env file, below those of this one. */
  private imported(own: PyMap, document: ParsedDocument): PyMap {
    const { meta } = own;
    if (meta === undefined) return {};
    const from = isMap(meta) ? meta.import_from : undefined;
    const unknown = isMap(meta) ? Object.keys(meta).find((key) => key !== 'import_from') : 'meta';
    if (unknown !== undefined || (from !== undefined && typeof from !== 'string'))
      throw configError('ENV_INVALID', 'meta of an env file can only hold import_from, the name of a file', {
        at: document.locate(['meta'], 'key'),
      });
    if (from === undefined) return {};
    const file = join(this.options.folder, from as string);
    const other = readPipelineDocument(file, 'env', document.locate(['meta', 'import_from']));
    const options = { ...this.options, folder: dirname(file) };
    return new Expander(options, file, this.problems).expand(asEnv(other), other);
  }

  private leaf(text: string, section: string, at: () => { file: string }): PyValue {
    let value = text;
    try {
      const template = readTemplate(text, CURLY);
      const names = new Set([...undeclared(template), ...undeclared(readTemplate(text, SQUARE))]);
      if (names.size > 0) {
        for (const name of names) this.lookup(name, at);
        value = fillIn(template, (name) => this.lookup(name, at));
      }
    } catch (error) {
      if (!(error instanceof JinjaSyntax)) throw error;
      throw configError('PLACEHOLDER_INVALID', `${JSON.stringify(text.slice(0, 60))}: ${error.message}`, {
        at: at(),
      });
    }
    return section === 'path' ? pathOf(value) : cast(value);
  }

  private lookup(name: string, at: () => { file: string }): PyValue {
    if (Object.hasOwn(this.known, name)) return this.known[name]!;
    const value = name === 'env' ? variables(this.options.variables) : builtIns(this.options)[name]?.();
    if (value === undefined)
      throw configError('PLACEHOLDER_UNKNOWN', `{{${name}}} has no value here`, {
        at: at(),
        hint: 'a value may use the names that stand above it, here, cwd, root, user, now, git, git_hash and env.VARIABLE',
      });
    return value;
  }
}

function variables(env: NodeJS.ProcessEnv): PyMap {
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value ?? '']));
}

/** Values of the section `path` are normalised as Python's `Path` does; folders are not made here. */
function pathOf(text: string): string {
  const expanded = text === '~' || text.startsWith('~/') ? join(homedir(), text.slice(1)) : text;
  const parts = expanded.split('/').filter((part) => part !== '' && part !== '.');
  return `${expanded.startsWith('/') ? '/' : ''}${parts.join('/')}` || '.';
}

function merge(base: PyMap, over: PyMap): PyMap {
  const result: PyMap = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = result[key];
    result[key] = isMap(below) && isMap(value) ? merge(below, value) : value;
  }
  return result;
}

function override(data: PyMap, { overrides }: EnvOptions, hasFile: boolean): void {
  for (const [key, text] of overrides) {
    const path = key.split('.');
    let map: PyMap = data;
    for (const part of path.slice(0, -1)) {
      const next = map[part];
      if (!isMap(next)) throw unknownKey(key);
      map = next;
    }
    const last = path.at(-1)!;
    const builtIn = path.length === 1 && last in builtIns({ folder: '', cwd: '', git: {} } as EnvOptions);
    if (hasFile && !builtIn && !Object.hasOwn(map, last)) throw unknownKey(key);
    map[last] = path[0] === 'path' ? pathOf(text) : cast(text);
  }
}

function unknownKey(key: string) {
  return configError('ENV_KEY_UNKNOWN', `--env--${key}: the env file has no key "${key}"`, {
    hint: 'add it to the env file first',
  });
}
