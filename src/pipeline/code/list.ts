import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { bundle } from '../../config/validate.ts';
import { configError, type DatamillError } from '../../errors.ts';
import { isInside } from '../files.ts';
import { fnmatch } from '../fnmatch.ts';
import { trackedFiles } from '../git.ts';
import type { Project } from '../types.ts';

/** A file of a project's code. */
export interface CodeFile {
  /** Relative to the project, with slashes. */
  path: string;
  absolute: string;
  /** Bytes. */
  size: number;
  executable: boolean;
  /** Where it leads, when it is a link. */
  link?: string;
}

export interface CodeRules {
  /** Paths and patterns that are taken too. */
  include?: readonly string[];
  /** Paths and patterns that are left out. */
  exclude?: readonly string[];
}

/** Never code, where there is no git to ask. */
const NO_CODE = [
  '.git',
  '.datamill',
  '__pycache__',
  '.ipynb_checkpoints',
  '.venv',
  'venv',
  'node_modules',
  '.DS_Store',
];

/**
 * The files of a project that tasks need to run: those that git tracks, or all where there is no
 * git, without what tasks make.
 *
 * @throws {DatamillError} SOURCE_UNTRACKED, CODE_PATH (exit 2).
 */
export async function codeFiles(
  project: Project,
  rules: CodeRules,
  needed: readonly string[],
): Promise<{ files: CodeFile[]; tracked: boolean }> {
  const { root } = project;
  const known = await trackedFiles(root);
  const made = new Set(
    project.tasks.flatMap(({ products }) =>
      Object.values(products).flatMap((one) => (one.type === 'file' ? [relative(root, one.path)] : [])),
    ),
  );
  const all = new Set(known ?? walk(root));
  for (const path of included(root, rules.include ?? [])) all.add(path);
  const paths = [...all]
    .filter((path) => !made.has(path) && !isMetadata(path, made))
    .filter((path) => !(rules.exclude ?? []).some((rule) => matches(path, rule)))
    .sort();
  const files = paths.flatMap((path) => fileOf(root, path) ?? []);
  const wrong = [...paths.flatMap((path) => wrongPath(root, path) ?? []), ...untracked(files, needed, root)];
  if (wrong.length > 0) throw bundle(wrong);
  return { files, tracked: known !== undefined };
}

/** Ploomber keeps what it knows of a product beside it: `.NAME.metadata`. */
function isMetadata(path: string, made: ReadonlySet<string>): boolean {
  const name = /^(.*\/)?\.([^/]+)\.metadata$/.exec(path);
  return name !== null && made.has(`${name[1] ?? ''}${name[2]}`);
}

/** A rule is a path, a folder or a pattern. */
function matches(path: string, rule: string): boolean {
  const plain = rule.replace(/\/+$/, '');
  return path === plain || path.startsWith(`${plain}/`) || fnmatch(path, plain);
}

function included(root: string, rules: readonly string[]): string[] {
  return rules.length === 0 ? [] : walk(root).filter((path) => rules.some((rule) => matches(path, rule)));
}

function walk(root: string, folder = ''): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    if (NO_CODE.includes(entry.name)) return [];
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    return entry.isDirectory() ? walk(root, path) : [path];
  });
}

/** Undefined for what is no file: a submodule, or one that was deleted but not in git. */
function fileOf(root: string, path: string): CodeFile | undefined {
  const absolute = join(root, path);
  const stat = lstatSync(absolute, { throwIfNoEntry: false });
  if (stat === undefined || !(stat.isFile() || stat.isSymbolicLink())) return undefined;
  const link = stat.isSymbolicLink() ? readlinkSync(absolute) : undefined;
  return {
    path,
    absolute,
    size: link === undefined ? stat.size : 0,
    executable: (stat.mode & 0o100) !== 0,
    ...(link === undefined ? {} : { link }),
  };
}

function wrongPath(root: string, path: string): DatamillError | undefined {
  // Lists of files have one on a line, and checksums mark these.
  if (/[\n\r\\]/.test(path))
    return configError('CODE_PATH', `${JSON.stringify(path)} has a line end or a backslash in its name`, {
      at: { file: join(root, path) },
      hint: 'rename it, or leave it out with `exclude:` in soopervisor.yaml',
    });
  const link = fileOf(root, path)?.link;
  if (link === undefined || isInside(resolve(root, dirname(path), link), root)) return undefined;
  return configError('CODE_PATH', `${path} is a link that leads out of the project, to ${link}`, {
    at: { file: join(root, path) },
    hint: 'put a copy in its place, or leave it out with `exclude:` in soopervisor.yaml',
  });
}

function untracked(files: readonly CodeFile[], needed: readonly string[], root: string): DatamillError[] {
  const there = new Set(files.map(({ path }) => path));
  return [...new Set(needed)]
    .filter((path) => !there.has(path))
    .map((path) =>
      configError('SOURCE_UNTRACKED', `the pipeline needs ${path}, which git does not track`, {
        at: { file: join(root, path) },
        hint: `git add ${path}; or name it under \`include:\` in soopervisor.yaml`,
      }),
    );
}
