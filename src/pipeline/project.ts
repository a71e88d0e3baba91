import { statSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { readPipelineDocument } from './document.ts';
import { looseEntry } from './entry.ts';
import { readEnvironment } from './env.ts';
import { gitFacts, usesGit } from './git.ts';
import { link } from './graph.ts';
import { findPlace } from './place.ts';
import { Problems } from './problems.ts';
import { readSpec, type Spec } from './spec/read.ts';
import { type OpenTask, readTask } from './tasks.ts';
import type { Place, Project } from './types.ts';

export interface ReadOptions {
  /** The pipeline file, a folder of scripts or a pattern; looked for when absent. */
  entry?: string;
  cwd: string;
  /** `--env NAME`: reads env.NAME.yaml. */
  env?: string;
  /** Values for keys of the env file, by dotted key. */
  overrides?: ReadonlyMap<string, string>;
  variables?: NodeJS.ProcessEnv;
}

/**
 * Reads a Ploomber project: its tasks, what they make and which need which. No code of the project
 * runs, and no file is written.
 *
 * @throws {DatamillError} (exit 2) everything that is wrong with it, with places.
 */
export async function readProject(options: ReadOptions): Promise<Project> {
  const { entry, cwd } = options;
  const problems = new Problems();
  const loose = entry === undefined ? undefined : looseEntry(entry, cwd);
  const place = loose?.place ?? findPlace(entry, cwd, options.variables ?? process.env);
  const spec = loose?.spec ?? (await readFile(place, options, problems));
  const modules = new Map();
  const context = { place, meta: spec.meta, modules, problems };
  const open: OpenTask[] = [];
  for (const raw of spec.tasks) {
    for (const task of problems.attempt(() => readTask(raw, context)) ?? []) open.push(task);
  }
  // What a task that cannot be read is needed by is not to blame.
  if (problems.errors.length > 0) problems.check();
  const tasks = link(open, problems);
  problems.check();
  return { ...place, tasks, warnings: problems.warnings };
}

/** Bytes of a pipeline file with many tasks. */
const LARGE = 100_000;

async function readFile(place: Place, options: ReadOptions, problems: Problems): Promise<Spec> {
  const { cwd, overrides = new Map(), variables = process.env } = options;
  const spec = place.spec!;
  // The program asks V8 to optimise late, which short runs are faster with; this is no short one.
  if (statSync(spec).size > LARGE && process.version.startsWith('v20.'))
    setFlagsFromString('--interrupt-budget=132000');
  const document = readPipelineDocument(spec, 'pipeline');
  const environment = readEnvironment(
    {
      spec,
      folder: place.folder,
      cwd,
      name: options.env,
      overrides,
      variables,
      git: await gitFacts(place.folder, usesGit(place, cwd)),
    },
    problems,
  );
  const read = readSpec(place, document, environment, problems);
  const unused = environment.declared.filter((key) => !read.used.has(key));
  if (unused.length > 0)
    problems.warn({
      code: 'ENV_UNUSED',
      message: `nothing uses ${unused.join(', ')}`,
      at: { file: environment.file!, line: 1, column: 1 },
    });
  return read;
}
