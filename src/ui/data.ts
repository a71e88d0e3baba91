import type { DataPushResult } from '../actions/data-push.ts';
import { formatSize } from '../util/bytes.ts';
import type { Style } from './style.ts';
import { duration } from './summary.ts';
import { renderTable } from './table.ts';
import { visible } from './visible.ts';

/** Names of a kind that are written out; more are counted. */
const MOST = 20;

/** What became of the folders of a push, every line ended. */
export function renderPush(
  { buckets, unsent, leftOut, summary, folder }: DataPushResult,
  { style, width, verbose }: { style: Style; width?: number; verbose: boolean },
): string {
  if (buckets.length === 0) return `There are no folders in ${folder}: each would become a bucket.\n`;
  const titles = summary.dryRun
    ? ['BUCKET', 'TO SEND', 'UNCHANGED', 'TOO MUCH']
    : ['BUCKET', 'SENT', 'UNCHANGED', 'REMOVED'];
  const columns = titles.map((title, index) =>
    index === 0 ? { title } : { title, align: 'right' as const, shrink: false },
  );
  const rows = buckets.map(({ bucket, created, sent, unchanged, extra, removed }) => [
    created ? `${bucket} (new)` : bucket,
    String(sent),
    String(unchanged),
    String(summary.dryRun ? extra : removed),
  ]);
  const parts = [renderTable(columns, rows, { width, style })];
  if (unsent.length > 0) parts.push(list(style.red('Not sent:'), unsent, verbose));
  if (leftOut.length > 0)
    parts.push(
      verbose
        ? list('Left out:', leftOut, verbose)
        : `Left out on purpose: ${leftOut.length} hidden, ignored or special; --verbose names them.\n`,
    );
  const extra = buckets.reduce((sum, one) => sum + one.extra - one.removed, 0);
  if (extra > 0 && !summary.dryRun)
    parts.push(`${count(extra, 'object')} in the store ${extra === 1 ? 'has' : 'have'} no file any more.\n`);
  parts.push(`${lastWords(summary)}\n`);
  return parts.join('');
}

function lastWords({
  dryRun,
  sent,
  bytes,
  removed,
  failed,
  seconds,
  result,
}: DataPushResult['summary']): string {
  if (dryRun)
    return sent === 0
      ? 'Nothing would be sent.'
      : `${count(sent, 'file')}, ${formatSize(bytes)}, would be sent.`;
  if (result === 'interrupted') return `Interrupted after ${duration(seconds)}, ${formatSize(bytes)} sent.`;
  const words = [
    ...(sent > 0 ? [`${count(sent, 'file')} sent, ${formatSize(bytes)}`] : []),
    ...(removed > 0 ? [`${count(removed, 'object')} removed`] : []),
    ...(failed > 0 ? [`${failed} not sent`] : []),
  ];
  const what = words.length === 0 ? 'nothing to do' : words.join(', ');
  return `${failed > 0 ? 'Failed' : 'Done'} in ${duration(seconds)}: ${what}.`;
}

/** The objects that a push is about to delete. */
export function renderPruned(plans: ReadonlyArray<{ bucket: string; extra: readonly string[] }>): string {
  const keys = plans.flatMap(({ bucket, extra }) => extra.map((key) => `${bucket}/${key}`));
  return `No file stands behind ${count(keys.length, 'object')}:\n${names(keys, MOST)}`;
}

function list(
  title: string,
  entries: ReadonlyArray<{ bucket: string; key: string; reason: string }>,
  all: boolean,
): string {
  const lines = entries.map(({ bucket, key, reason }) => `${bucket}/${key}: ${reason}`);
  return `${title}\n${names(lines, all ? lines.length : MOST)}`;
}

/** Indented lines, at most so many. */
export function names(lines: readonly string[], most: number): string {
  const shown = lines.slice(0, most).map((line) => `  ${visible(line)}\n`);
  if (lines.length > most) shown.push(`  and ${lines.length - most} more\n`);
  return shown.join('');
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
