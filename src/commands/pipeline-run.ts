import { buildPipelineImage } from '../actions/pipeline/image.ts';
import { pipelineLogs, type TaskLine } from '../actions/pipeline/logs.ts';
import { type SubmitOptions, type SubmitResult, submitPipeline } from '../actions/pipeline/submit.ts';
import { uploadPipeline } from '../actions/pipeline/upload.ts';
import { watchPipeline } from '../actions/pipeline/watch.ts';
import { configError, ExitCode } from '../errors.ts';
import { renderSourceLines } from '../ui/log-lines.ts';
import { formatDuration } from '../util/duration.ts';
import { count, exportOptions, type Options, readOptions } from './pipeline.ts';
import { actionOptions, type CommandIO, type CommandOptions, sameFlags } from './runtime.ts';

type Summary = NonNullable<SubmitResult['summary']>;

interface RunOptions extends Options {
  dest?: string;
  repository?: string;
  keep?: string;
  watch?: boolean;
  workflow?: string;
  follow?: boolean;
  tail?: string;
  timestamps?: boolean;
}

/** The flags of all that works on a project in a cluster. */
function runOptions(options: RunOptions, rest: string[], report: SubmitOptions['report']) {
  const { namespace, soopervisorEnv, ...exported } = {
    ...exportOptions(options),
    soopervisorEnv: options.soopervisorEnv,
  };
  const { target: _, ...own } = exported;
  return {
    ...actionOptions(options as unknown as CommandOptions, report),
    ...readOptions(options, rest),
    ...own,
    namespace,
    soopervisorEnv,
    repository: options.repository,
    keep: keepOf(options.keep),
  };
}

function keepOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw configError('USAGE', '--keep: expected how many versions stay, at least 1');
}

/** Events are for those who follow; others get one document at the end. */
function reporter(io: CommandIO) {
  return io.output === 'text' ? io.progress() : io.warn;
}

/** `datamill pipeline upload` */
export async function upload(options: RunOptions, ...rest: string[]): Promise<number> {
  const { io } = options;
  const given = runOptions(options, rest, reporter(io));
  if (options.dest === 'git')
    throw configError('USAGE', '--dest git uploads nothing: pods clone what was pushed', {
      hint: 'git push, then `datamill pipeline submit --dest git`',
    });
  if (options.dest === 'image') {
    const built = await buildPipelineImage(given);
    await io.document(
      { ...built },
      () =>
        `${built.project}: version ${built.version} is in the image ${built.image}.\nNext: datamill pipeline submit${flags(options)} --dest image\n`,
    );
    return 0;
  }
  const result = await uploadPipeline(given);
  await io.document({ ...result }, () => {
    const gone = result.removed.length === 0 ? '' : `Removed from the disk: ${result.removed.join(', ')}.\n`;
    return `${result.project}: version ${result.version} is in the folder ${result.folder} of the claim ${result.claim}.\n${gone}Next: datamill pipeline submit${flags(options)} --watch\n`;
  });
  return 0;
}

/** `datamill pipeline submit` */
export async function submit(options: RunOptions, ...rest: string[]): Promise<number> {
  const { io } = options;
  const followed = options.watch === true;
  const report = followed ? io.progress() : reporter(io);
  const result = await submitPipeline({
    ...runOptions(options, rest, report),
    dest: options.dest as SubmitOptions['dest'],
    watch: followed,
  });
  const { summary } = result;
  if (io.output === 'json' && followed && summary !== undefined) return summary.result === 'ok' ? 0 : 1;
  await io.document({ ...result, name: result.name ?? null }, () => submittedText(options, result));
  return summary === undefined || summary.result === 'ok' ? ExitCode.done : ExitCode.failed;
}

function submittedText(
  options: RunOptions,
  { project, name, kind, namespace, version, tasks, summary }: SubmitResult,
) {
  if (name === undefined) return `${project} is up to date: nothing was submitted.\n`;
  if (summary !== undefined) return summaryText(options, summary);
  const head = `${project}: ${kind} ${name} with ${count(tasks, 'task')} (version ${version}) is in namespace ${namespace}.\n`;
  if (kind === 'CronWorkflow')
    return `${head}It runs by its schedule: kubectl get cronworkflow -n ${namespace} ${name}\n`;
  if (kind === 'WorkflowTemplate')
    return `${head}Whoever starts it names it: spec: {workflowTemplateRef: {name: ${name}}}\n`;
  return `${head}Next: datamill pipeline watch ${name}${flags(options)}\n`;
}

/** `datamill pipeline watch` */
export async function watch(options: RunOptions, ...rest: string[]): Promise<number> {
  const { io } = options;
  const [workflow, ...others] = rest[0]?.startsWith('--') ? [undefined, ...rest] : rest;
  io.quiet();
  try {
    const given = runOptions(options, others as string[], io.progress());
    const summary = await watchPipeline({ ...given, workflow });
    if (io.output === 'json') return summary.result === 'ok' ? 0 : 1;
    await io.print(summaryText(options, summary));
    return summary.result === 'ok' ? ExitCode.done : ExitCode.failed;
  } catch (error) {
    if (!io.signal.aborted) throw error;
    process.stderr.write('not watched any more; the workflow goes on\n');
    return interruptCode(io);
  }
}

function interruptCode(io: CommandIO): number {
  return (io.signal.reason as { exitCode?: number }).exitCode ?? ExitCode.interrupted;
}

function summaryText(
  options: RunOptions,
  { workflow, phase, result, tasks, succeeded, failed, omitted, seconds }: Summary,
): string {
  const { style } = options.io;
  const word = result === 'ok' ? style.green(phase) : style.red(phase || 'unknown');
  const parts = [`${succeeded} of ${count(tasks, 'task')} done`];
  if (failed > 0) parts.push(`${failed} failed`);
  if (omitted > 0) parts.push(`${omitted} not run`);
  const next =
    result === 'ok' ? '' : `Next: datamill pipeline logs --workflow ${workflow}${flags(options)}\n`;
  return `${workflow}: ${word}, ${parts.join(', ')}, after ${formatDuration(seconds)}\n${next}`;
}

/** `datamill pipeline logs` */
export async function logs(options: RunOptions, ...rest: string[]): Promise<number> {
  const { io } = options;
  const at = rest.findIndex((word) => word.startsWith('--'));
  const [tasks, others] = at === -1 ? [rest, []] : [rest.slice(0, at), rest.slice(at)];
  const look = {
    color: io.color,
    terminal: process.stdout.isTTY === true,
    timestamps: options.timestamps === true,
  };
  const tail = options.tail === undefined ? undefined : Number(options.tail);
  if (tail !== undefined && !(Number.isInteger(tail) && tail >= 0))
    throw configError('USAGE', '--tail: expected a number of lines');
  io.quiet();
  try {
    await pipelineLogs({
      ...runOptions(options, others, io.warn),
      workflow: options.workflow,
      logsOf: tasks,
      follow: options.follow === true,
      tail,
      onLines: (lines) => writeLines(lines, io, look),
      onNotice: (message) => void process.stderr.write(`${io.style.dim(`(${message})`)}\n`),
    });
  } catch (error) {
    if (!io.signal.aborted) throw error;
  }
  return io.signal.aborted ? interruptCode(io) : ExitCode.done;
}

async function writeLines(
  lines: TaskLine[],
  io: CommandIO,
  look: Parameters<typeof renderSourceLines>[1],
): Promise<void> {
  const written =
    io.output === 'text'
      ? renderSourceLines(
          lines.map(({ task, time, line }) => ({ source: task, time, line })),
          look,
        )
      : lines.map((line) => `${JSON.stringify({ schema: 1, ...line })}\n`).join('');
  await new Promise<void>((done) => process.stdout.write(written, () => done()));
}

/** The flags to repeat in a suggested command. */
function flags(options: RunOptions): string {
  const { namespace, entry, ...others } = options as RunOptions & CommandOptions;
  const own = [
    ...(entry === undefined ? [] : ['-e', entry]),
    ...(namespace === undefined ? [] : ['-n', namespace]),
  ];
  return `${sameFlags({ ...others, namespace: undefined } as CommandOptions)}${own.map((word) => ` ${word}`).join('')}`;
}
