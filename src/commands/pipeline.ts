import { relative } from 'node:path';
import {
  checkPipeline,
  type ExportPipelineOptions,
  type ExportResult,
  exportPipeline,
} from '../actions/pipeline/export.ts';
import { type PipelineOptions, pipelineGraph } from '../actions/pipeline/graph.ts';
import { configError } from '../errors.ts';
import { drawDot, drawLevels, drawMermaid } from '../ui/graph.ts';
import type { CommandIO } from './runtime.ts';

type ExportOptions = Omit<
  ExportPipelineOptions,
  keyof PipelineOptions | 'file' | 'platform' | 'code' | 'tasks'
>;

export interface Options extends Omit<ExportOptions, 'maxBytes' | 'target'> {
  io: CommandIO;
  entry?: string;
  env?: string;
  outFile?: string;
  maxBytes?: string;
  soopervisorEnv?: string;
}

type Warning = Awaited<ReturnType<typeof pipelineGraph>>['warnings'][number];

/** `datamill pipeline graph` */
export async function graph(options: Options, ...rest: string[]): Promise<number> {
  const { io } = options;
  const { project, levels, warnings, document } = await pipelineGraph(readOptions(options, rest));
  warn(io, warnings);
  const form = io.output as string;
  if (form === 'mermaid') await io.print(drawMermaid(project.tasks));
  else if (form === 'dot') await io.print(drawDot(project.name, project.tasks));
  else await io.document(document, () => drawLevels(project, levels, io.style));
  return 0;
}

/** @throws {DatamillError} USAGE (exit 2) for arguments that no command takes. */
export function readOptions({ entry, env }: Options, rest: readonly string[]): PipelineOptions {
  const overrides = new Map<string, string>();
  for (let at = 0; at < rest.length; at += 1) {
    const [, key, given] = /^--env--([^=]+)(?:=([\s\S]*))?$/.exec(rest[at]!) ?? [];
    const value = given ?? rest[at + 1];
    if (key === undefined)
      throw configError('USAGE', `${JSON.stringify(rest[at])} is not understood`, {
        hint: 'datamill pipeline --help shows what there is',
      });
    if (value === undefined)
      throw configError('USAGE', `--env--${key} needs a value`, { hint: `--env--${key} VALUE` });
    if (given === undefined) at += 1;
    overrides.set(key.replaceAll('--', '.'), value);
  }
  return { entry, env, overrides };
}

/** `datamill pipeline check` */
export async function check(options: Options, ...rest: string[]): Promise<number> {
  const { io } = options;
  const checked = await checkPipeline({ ...readOptions(options, rest), ...exportOptions(options) });
  const { project, warnings, width, bytes, environment } = checked;
  warn(io, warnings);
  const document = {
    project: project.name,
    tasks: project.tasks.length,
    width,
    objects: bytes.length,
    bytes: bytes.reduce((sum, one) => sum + one, 0),
    environment: environment.name,
    warnings: warnings.map(({ code, message, task, at }) => ({ code, message, task, ...at })),
  };
  await io.document(
    document,
    () =>
      `${io.style.green('ok')}: ${project.name} has ${count(project.tasks.length, 'task')}, of which ${width} can run at once.\nNext: datamill pipeline export\n`,
  );
  return 0;
}

/** `datamill pipeline export` */
export async function exportWorkflow(options: Options, ...rest: string[]): Promise<number> {
  const { io } = options;
  const file = options.outFile;
  const result = await exportPipeline({ ...readOptions(options, rest), ...exportOptions(options), file });
  const { exported } = result;
  warn(io, exported.warnings);
  if (file === '-' && io.output === 'text') {
    await io.print(exported.yaml);
    return 0;
  }
  const document = {
    project: result.project,
    file: result.file ?? null,
    tasks: result.tasks,
    bytes: exported.bytes,
    names: Object.fromEntries(exported.names),
    objects: exported.objects,
  };
  await io.document(document, () => exportedText(result));
  return 0;
}

function exportedText({ exported, tasks, file, project }: ExportResult): string {
  const { objects, bytes, settings } = exported;
  const last = objects.at(-1) as { kind: string };
  const parts = objects.length === 1 ? '' : ` in ${count(objects.length - 1, 'part')}`;
  const size = Math.round(Math.max(...bytes) / 1000);
  const verb = last.kind === 'Workflow' && objects.length === 1 ? 'create' : 'apply';
  return [
    `${project}: ${count(tasks, 'task')}${parts} written to ${shownPath(file!)}, a ${last.kind} of at most ${Math.max(1, size)} kB per object.`,
    `Pods mount the claim ${settings.volumes[0]?.claim ?? settings.volumes[0]?.name} at ${settings.volumes[0]?.mountPath}: the project must be in its folder ${settings.volumes[0]?.subPath || '/'}.`,
    `Next: kubectl ${verb} -n ${settings.namespace} -f ${shownPath(file!)}`,
    '',
  ].join('\n');
}

export function exportOptions(options: Options): ExportOptions {
  const { mode, kind, image, namespace, claim, mountPath, subPath, serviceAccount, schedule, accessMode } =
    options;
  const maxBytes = options.maxBytes === undefined ? undefined : Number(options.maxBytes);
  if (maxBytes !== undefined && !(Number.isInteger(maxBytes) && maxBytes >= 10_000))
    throw configError('USAGE', '--max-bytes: expected a number of bytes, at least 10000');
  return {
    mode,
    kind,
    image,
    namespace,
    claim,
    mountPath,
    subPath,
    serviceAccount,
    schedule,
    accessMode,
    maxBytes,
    target: options.soopervisorEnv,
  };
}

function warn(io: CommandIO, warnings: readonly Warning[]): void {
  for (const { message, at } of warnings) io.warn({ type: 'warning', message, ...at });
}

export function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`;
}

function shownPath(file: string): string {
  const path = relative(process.cwd(), file);
  return path.startsWith('..') ? file : path;
}
