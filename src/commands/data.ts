import {
  dataBucketList,
  dataGet,
  dataList,
  dataMake,
  dataRemove,
  parsePlace,
} from '../actions/data-objects.ts';
import { type DataPushResult, dataPush } from '../actions/data-push.ts';
import type { DatamillEvent } from '../actions/events.ts';
import { DatamillError, ExitCode } from '../errors.ts';
import { names, renderPruned, renderPush } from '../ui/data.ts';
import { printError } from '../ui/error.ts';
import { renderTable } from '../ui/table.ts';
import { visible } from '../ui/visible.ts';
import { formatSize } from '../util/bytes.ts';
import { actionOptions, type CommandOptions, confirm, sameFlags } from './runtime.ts';

/** `datamill data push` */
export async function push(options: CommandOptions): Promise<number> {
  const { io } = options;
  // A question cannot be asked in the middle of a live display, so that one begins after it.
  let quiet = options.prune === true && options.yes !== true;
  const report = (event: DatamillEvent) => (quiet ? io.warn(event) : io.progress()(event));
  const result = await dataPush({
    ...actionOptions(options, report),
    buckets: options.bucket as string[] | undefined,
    prune: options.prune === true,
    dryRun: options.dryRun === true,
    agree: async (plans) => {
      if (options.yes) return true;
      process.stderr.write(renderPruned(plans));
      if (!(await confirm('Delete these objects?', options)))
        throw notConfirmed('nothing was sent or deleted');
      quiet = false;
      return true;
    },
  });
  const { summary, error } = result;
  io.progress()(summary);
  if (io.output !== 'json') await io.print(pushText(result, options));
  else
    for (const { bucket, key, reason } of result.unsent)
      io.warn({ type: 'warning', message: `${bucket}/${key} was not sent: ${reason}` });
  if (error !== undefined) return printError(error, { output: io.output, verbose: io.verbose });
  return summary.result === 'ok' ? ExitCode.done : ExitCode.failed;
}

function pushText(result: DataPushResult, options: CommandOptions): string {
  const { io } = options;
  const { buckets, summary } = result;
  const text = renderPush(result, { style: io.style, width: process.stdout.columns, verbose: io.verbose });
  const flags = sameFlags(options);
  const next =
    summary.result === 'interrupted' || buckets.length === 0
      ? undefined
      : summary.dryRun
        ? `datamill data push${flags}`
        : `datamill data ls ${buckets[0]!.bucket}${flags}`;
  return next === undefined ? text : `${text}Next: ${next}\n`;
}

/** `datamill data ls` */
export async function ls(options: CommandOptions, where?: string): Promise<number> {
  const { io } = options;
  const size = { width: process.stdout.columns };
  if (where === undefined) {
    const buckets = await dataBucketList(actionOptions(options, io.warn));
    const rows = buckets.map(({ name, created }) => [name, created.slice(0, 10)]);
    const titles = [{ title: 'BUCKET' }, { title: 'CREATED' }];
    const empty = `There are no buckets. Next: datamill data push${sameFlags(options)}\n`;
    await io.document({ buckets }, () => (rows.length === 0 ? empty : renderTable(titles, rows, size)));
    return ExitCode.done;
  }
  const place = await parsePlace(where);
  const listing = await dataList(actionOptions(options, io.warn), place, options.recursive === true);
  const { folders, objects } = listing;
  await io.document({ ...place, ...listing }, () => {
    if (folders.length + objects.length === 0) return 'There is nothing.\n';
    const name = (key: string) => visible(key.slice(place.key.lastIndexOf('/') + 1));
    const rows = [
      ...folders.map((folder) => [name(folder), '', '']),
      ...objects.map(({ key, size, modified }) => [
        name(key),
        formatSize(size),
        modified.slice(0, 16).replace('T', ' '),
      ]),
    ];
    const columns = [
      { title: 'NAME' },
      { title: 'SIZE', align: 'right' as const, shrink: false },
      { title: 'CHANGED (UTC)', shrink: false },
    ];
    return renderTable(columns, rows, size);
  });
  return ExitCode.done;
}

/** `datamill data get` */
export async function get(options: CommandOptions, where: string, to?: string): Promise<number> {
  const { io } = options;
  const place = await parsePlace(where);
  const toStream = to === '-';
  const { files, refused } = await dataGet(
    {
      ...actionOptions(options, toStream ? io.warn : io.progress()),
      to: toStream ? process.stdout : to,
      overwrite: options.yes === true,
    },
    place,
  );
  if (toStream) return ExitCode.done;
  for (const key of refused)
    io.warn({ type: 'warning', message: `${visible(key)} was left: no file can be called so` });
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const one = files.length === 1 ? files[0] : undefined;
  if (io.output !== 'json')
    await io.print(
      `${one === undefined ? `${files.length} files` : visible(one.file)}, ${formatSize(bytes)}.\n`,
    );
  else await io.print(`${JSON.stringify({ schema: 1, type: 'summary', files, refused, bytes })}\n`);
  return refused.length === 0 ? ExitCode.done : ExitCode.failed;
}

/** `datamill data mb` */
export async function mb(options: CommandOptions, bucket: string): Promise<number> {
  const { io } = options;
  const created = await dataMake(actionOptions(options, io.warn), bucket);
  await io.document(
    { bucket, created },
    () => `The bucket ${bucket} ${created ? 'was made' : 'was there already'}.\n`,
  );
  return ExitCode.done;
}

/** `datamill data rm` */
export async function rm(options: CommandOptions, where: string): Promise<number> {
  const { io } = options;
  const place = await parsePlace(where);
  const { bucket, key } = place;
  const what = key === '' ? `the bucket ${bucket}` : `${bucket}/${visible(key)}`;
  const deleted = await dataRemove(
    {
      ...actionOptions(options, io.warn),
      recursive: options.recursive === true,
      agree: async (keys) => {
        if (options.yes) return true;
        const many = keys.length > 0 && (key === '' || key.endsWith('/'));
        if (many) process.stderr.write(names(keys, 20));
        return await confirm(`Delete ${what}${many ? ` with ${keys.length} objects` : ''}?`, options);
      },
    },
    place,
  );
  if (deleted === undefined) throw notConfirmed('nothing was deleted');
  await io.document(
    { bucket, key, deleted },
    () => `Deleted ${what}${deleted > 1 ? `, ${deleted} objects` : ''}.\n`,
  );
  return ExitCode.done;
}

function notConfirmed(what: string): DatamillError {
  return new DatamillError('NOT_CONFIRMED', what, {
    exitCode: ExitCode.usage,
    hint: 'say yes, or give --yes',
  });
}
