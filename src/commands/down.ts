import { type DownResult, down } from '../actions/down.ts';
import { exitCodeOf } from '../actions/run.ts';
import { DatamillError } from '../errors.ts';
import { printError } from '../ui/error.ts';
import { renderSummary } from '../ui/summary.ts';
import { orInterrupted } from './interrupted.ts';
import { actionOptions, type CommandOptions, confirm, sameFlags } from './runtime.ts';

/** `datamill down` */
export async function run(options: CommandOptions): Promise<number> {
  const { io } = options;
  const deleteData = options.deleteData === true;
  if (
    deleteData &&
    !(await confirm('Delete all volumes and secrets of this flavour, with the data in them?', options))
  ) {
    throw new DatamillError('NOT_CONFIRMED', 'nothing was deleted', {
      exitCode: 2,
      hint: 'say yes, or give --yes',
    });
  }
  const report = io.progress();
  const work = down({
    ...actionOptions(options, report),
    concurrency: options.concurrency,
    waitLock: options.waitLock,
    deleteData,
  });
  const result = await orInterrupted(io, report, work);
  const { volumes, secrets, namespaceDeleted } = result;
  report({ ...result.summary, data: { deleted: deleteData, volumes, secrets, namespaceDeleted } });
  if (io.output !== 'json') await io.print(text(result, options, deleteData));
  if (result.error !== undefined) return printError(result.error, { output: io.output, verbose: io.verbose });
  return exitCodeOf(result.summary);
}

function text(result: DownResult, options: CommandOptions, deleteData: boolean): string {
  const { io } = options;
  if (result.components.length === 0)
    return `Nothing of this flavour is installed in ${result.namespace}.\n${stays(result, deleteData)}`;
  const components = result.components.map(({ name, release, namespace, outcome, message }) => ({
    name,
    release,
    namespace,
    state: outcome,
    message: outcome === 'removed' ? undefined : message,
  }));
  const flags = sameFlags(options);
  const next = [{ command: `datamill up${flags}`, about: 'install it again, with the data that stayed' }];
  if (result.volumes.length + result.secrets.length > 0 && !deleteData)
    next.push({ command: `datamill down${flags} --delete-data`, about: 'delete the data as well' });
  return `${renderSummary({ components, result: result.summary, next: deleteData ? [] : next }, { color: io.color, width: process.stdout.columns })}${stays(result, deleteData)}`;
}

function stays(result: DownResult, deleted: boolean): string {
  const verb = deleted ? 'deleted' : 'kept';
  const lines = [];
  if (result.volumes.length > 0) lines.push(`Volumes ${verb}: ${result.volumes.join(', ')}`);
  if (result.secrets.length > 0) lines.push(`Secrets ${verb}: ${result.secrets.join(', ')}`);
  if (result.namespaceDeleted) lines.push(`Namespace ${result.namespace} deleted.`);
  if (result.namespaceKept !== '') lines.push(`Namespace ${result.namespace} kept: ${result.namespaceKept}.`);
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}
