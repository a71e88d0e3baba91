import { rollback as goBack, history as readHistory } from '../actions/history.ts';
import { configError } from '../errors.ts';
import { renderTable } from '../ui/table.ts';
import { actionOptions, type CommandOptions, sameFlags } from './runtime.ts';

/** `datamill history COMPONENT` */
export async function history(options: CommandOptions, component: string): Promise<number> {
  const { io } = options;
  const revisions = await readHistory({ ...actionOptions(options, io.warn), component });
  const columns = ['REVISION', 'STATUS', 'CHART', 'UPDATED', 'DESCRIPTION'].map((title) => ({ title }));
  const rows = revisions.map(({ revision, status, chart, updated, description }) => [
    String(revision),
    status,
    chart,
    updated.slice(0, 19).replace('T', ' '),
    description,
  ]);
  await io.document(
    { component, revisions },
    () =>
      `${renderTable(columns, rows, { width: process.stdout.columns }).trimEnd()}\n\n\`datamill rollback ${component} REVISION${sameFlags(options)}\` goes back to one.\n`,
  );
  return 0;
}

/** `datamill rollback COMPONENT [REVISION]` */
export async function rollback(
  options: CommandOptions,
  component: string,
  revision?: string,
): Promise<number> {
  const { io } = options;
  const number = revision === undefined ? undefined : Number(revision);
  if (number !== undefined && !(Number.isInteger(number) && number > 0)) {
    throw configError('NO_REVISION', `"${revision}" is not a revision number`, {
      hint: `\`datamill history ${component}\` lists them`,
    });
  }
  const result = await goBack({
    ...actionOptions(options, io.progress()),
    waitLock: options.waitLock,
    component,
    revision: number,
  });
  await io.document(
    { component, ...result },
    () =>
      `${component} is back at what revision ${result.to} was (it was at ${result.from}).\nThe flavour still says something else: the next \`datamill up\` goes forward again unless you change it.\n`,
  );
  return 0;
}
