import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { configError } from '../../errors.ts';
import { isInside } from '../files.ts';
import { levels } from '../graph.ts';
import { isFile } from '../place.ts';
import { Problems } from '../problems.ts';
import type { Project, Task, Warning } from '../types.ts';
import type { Code } from './code.ts';
import { buildDocuments, bytesOf, type Kind, MAX_BYTES } from './documents.ts';
import { type CondaEnvironment, readEnvironmentFile } from './environment.ts';
import { argoNames } from './names.ts';
import type { ScriptOptions } from './script.ts';
import { claimVolume, defaultSettings, type ExportSettings, type Platform } from './settings.ts';
import { toWorkflowYaml } from './text.ts';
import { buildDag, statusPodSpec, type Template } from './workflow.ts';

export type Mode = 'force' | 'regular' | 'incremental';

/** What is asked for on the command line; it wins over soopervisor.yaml. */
export interface ExportOptions {
  mode?: Mode;
  kind?: Kind;
  image?: string;
  namespace?: string;
  claim?: string;
  mountPath?: string;
  subPath?: string;
  serviceAccount?: string;
  schedule?: string;
  maxBytes?: number;
  /** How the claim can be mounted, as far as it is known. */
  accessMode?: string;
  /** Target environment of a soopervisor.yaml that has several. */
  target?: string;
  /** `--env NAME` and `--env--KEY VALUE`, which pods are told too. */
  env?: string;
  overrides?: ReadonlyMap<string, string>;
  /** What holds where neither the command line nor soopervisor.yaml says otherwise. */
  platform?: Platform;
  /** Where pods get the code from; it lies in the folder on the disk when absent. */
  code?: Code;
  /** Only these tasks; what they need beside them is there. */
  tasks?: ReadonlySet<string>;
}

/** A project that can be run by Argo. */
export interface Checked {
  settings: ExportSettings;
  environment: CondaEnvironment;
  /** Names for Argo by names of tasks. */
  names: Map<string, string>;
  /** Whether the project is a package of its own. */
  hasSetup: boolean;
  /** Name of the project in names and labels of objects. */
  slug: string;
  /** Tasks that can run at once, at most. */
  width: number;
  warnings: Warning[];
}

/** The objects for Argo, as data and as text. */
export interface Exported extends Checked {
  objects: Template[];
  yaml: string;
  /** Bytes of each object as JSON. */
  bytes: number[];
}

/**
 * Checks what a project needs to run in a cluster, beside its graph.
 *
 * @throws {DatamillError} (exit 2) everything that is wrong.
 */
export async function checkProject(project: Project, options: ExportOptions): Promise<Checked> {
  const problems = new Problems();
  const read = await readSettings(project, options, problems);
  const settings = read ?? defaultSettings(project.name);
  const environment = readEnvironmentFile(settings.environment, project.root, problems);
  checkProducts(project, settings, problems);
  const all = levels(project.tasks);
  const width = all.reduce((max, level) => Math.max(max, level.length), 0);
  checkAccess(settings, width, problems);
  if (project.spec === undefined)
    problems.add(
      'PIPELINE_MISSING',
      'only a pipeline file can be exported, not a folder or a pattern',
      undefined,
      'write the tasks into a pipeline.yaml',
    );
  if ((options.kind ?? 'Workflow') === 'CronWorkflow' && settings.schedule === undefined)
    problems.add(
      'SCHEDULE_MISSING',
      'a CronWorkflow needs a schedule',
      undefined,
      'give one: --schedule "0 4 * * *"; or argo.schedule in soopervisor.yaml',
    );
  if (project.tasks.length === 0)
    problems.add(
      'TASKS_MISSING',
      'the pipeline has no tasks',
      project.spec === undefined ? undefined : { file: project.spec, line: 1, column: 1 },
    );
  problems.check();
  const warnings = settings.warnings.map((message) => ({ code: 'SETTING_UNUSED', message }));
  const names = argoNames(project.tasks.map(({ name }) => name));
  return {
    settings,
    environment: environment!,
    names,
    hasSetup: existsSync(join(project.root, 'setup.py')),
    slug: slugOf(project),
    width,
    warnings: [...project.warnings, ...warnings, ...problems.warnings],
  };
}

/**
 * Writes a project as objects for Argo. Nothing is written to disk.
 *
 * @throws {DatamillError} (exit 2) what is wrong, or WORKFLOW_TOO_LARGE (exit 3).
 */
export async function exportProject(project: Project, options: ExportOptions): Promise<Exported> {
  const checked = await checkProject(project, options);
  const { settings, names, slug } = checked;
  const tasks = chosen(levels(project.tasks).flat(), options.tasks);
  const built = buildDag(tasks, names, settings, scriptOptions(project, checked, options));
  const objects = buildDocuments(built, {
    kind: options.kind ?? 'Workflow',
    slug,
    settings,
    version: options.code?.version,
    maxBytes: options.maxBytes ?? MAX_BYTES,
  });
  const comment = `# Made by \`datamill pipeline export\`: change the project and export it again.\n`;
  return { ...checked, objects, yaml: toWorkflowYaml(objects, comment), bytes: objects.map(bytesOf) };
}

/** Name of a project in names and labels of objects: 50 characters at most. */
export function slugOf({ name }: { name: string }): string {
  return [...argoNames([name]).values()][0]!.slice(0, 50).replace(/-$/, '');
}

/** Tasks without those that need not run; what these have made is there. */
function chosen(tasks: readonly Task[], only: ReadonlySet<string> | undefined): readonly Task[] {
  if (only === undefined) return tasks;
  return tasks
    .filter(({ name }) => only.has(name))
    .map((task) => ({ ...task, upstream: task.upstream.filter((edge) => only.has(edge.task)) }));
}

/** What the scripts of a project's pods are made of. */
function scriptOptions(
  project: Project,
  { settings, environment, hasSetup }: Checked,
  { mode, code, env, overrides = new Map() }: ExportOptions,
): Omit<ScriptOptions, 'hidden'> {
  return {
    folder: settings.volumes[0]!.mountPath,
    entry: relative(project.root, project.spec!),
    environment: { ...environment, file: settings.environment },
    force: (mode ?? 'force') === 'force',
    args: settings.args,
    values: Object.fromEntries(overrides),
    envFile: env === undefined ? undefined : `env.${env}.yaml`,
    code,
    hasSetup,
  };
}

/**
 * The pod that finds out which tasks are outdated: it prints their names as JSON, one a line,
 * between two lines that begin with `mark`.
 */
export async function statusPod(project: Project, options: ExportOptions, mark: string): Promise<Template> {
  const checked = await checkProject(project, options);
  return statusPodSpec(checked.settings, scriptOptions(project, checked, options), mark);
}

async function readSettings(
  { name, root }: Project,
  options: ExportOptions,
  problems: Problems,
): Promise<ExportSettings | undefined> {
  const file = join(root, 'soopervisor.yaml');
  const { platform, target } = options;
  let settings: ExportSettings | undefined = defaultSettings(name, platform);
  if (isFile(file)) {
    const { readSoopervisor } = await import('./soopervisor.ts');
    settings = problems.attempt(() => readSoopervisor({ file, project: name, platform, target }));
  } else if (target !== undefined)
    throw configError(
      'TARGET_UNKNOWN',
      'there is no soopervisor.yaml, whose target environment could be chosen',
      {},
    );
  return settings === undefined ? undefined : override(settings, options);
}

function override(settings: ExportSettings, options: ExportOptions): ExportSettings {
  const [first, ...others] = settings.volumes;
  const own =
    options.claim === undefined ? first! : claimVolume(options.claim, first!.subPath, first!.mountPath);
  const disk = {
    ...own,
    mountPath: options.mountPath ?? own.mountPath,
    subPath: options.subPath ?? own.subPath,
  };
  return {
    ...settings,
    volumes: [disk, ...others],
    image: options.image ?? settings.image,
    namespace: options.namespace ?? settings.namespace,
    serviceAccount: options.serviceAccount ?? settings.serviceAccount,
    schedule: options.schedule === undefined ? settings.schedule : [options.schedule],
    accessMode: options.accessMode ?? settings.accessMode,
  };
}

function checkProducts({ tasks, root }: Project, { volumes }: ExportSettings, problems: Problems): void {
  for (const task of tasks) {
    for (const product of Object.values(task.products)) {
      if (product.type !== 'file' || isInside(product.path, root)) continue;
      if (volumes.slice(1).some(({ mountPath }) => isInside(product.path, mountPath))) continue;
      problems.add(
        'PRODUCT_OUTSIDE',
        `"${task.name}" makes ${product.path}, which is outside of the project and would be lost with its pod`,
        task.at(),
        'use a path in the project, or on a volume that soopervisor.yaml mounts',
      );
    }
  }
}

/**
 * A claim that only one node can mount is no shared disk: pods of tasks that run at once would wait
 * for each other for ever.
 */
function checkAccess(
  { accessMode, volumes, parallelism }: ExportSettings,
  width: number,
  problems: Problems,
): void {
  if (accessMode === undefined || accessMode === 'ReadWriteMany') return;
  const claim = volumes[0]?.claim ?? volumes[0]?.name;
  if (accessMode === 'ReadOnlyMany') {
    problems.add(
      'ACCESS_MODE',
      `the claim ${claim} is ReadOnlyMany: no task could write what it makes`,
      undefined,
      'use a ReadWriteMany claim',
    );
    return;
  }
  if (width <= 1 || parallelism === 1) return;
  problems.add(
    'ACCESS_MODE',
    `the claim ${claim} is ${accessMode}, but up to ${width} tasks run at once, on several nodes`,
    undefined,
    'use a ReadWriteMany claim, such as that of the component nfs; or set argo.parallelism: 1 in soopervisor.yaml',
  );
}
