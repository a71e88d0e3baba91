import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** A kind of object, as a manifest names it. */
export interface Kind {
  apiVersion: string;
  kind: string;
}

/** Comments of templates, which may be long. */
const COMMENT = /\{\{-?\s*\/\*[\s\S]*?\*\/\s*-?\}\}/g;
/** What writes nothing and decides nothing may stand before a document: comments, variables. */
const SILENT = /^\s*(#.*|\{\{-?\s*\$\w+\s*:?=[^}]*\}\}|---)?\s*$/;

/**
 * The kinds that a chart makes whatever its values are: those of templates that begin with a
 * literal apiVersion and kind, under no condition. Reading a few small files tells as much as is
 * safe to refuse an installation for; rendering the chart tells the rest, and takes longer.
 *
 * @param chart a folder; nothing is told of an archive
 */
export function certainKinds(chart: string): Kind[] {
  const folder = join(chart, 'templates');
  if (!isFolder(chart) || !isFolder(folder)) return [];
  const files = readdirSync(folder).filter((name) => /\.ya?ml$/.test(name) && !name.startsWith('_'));
  return files.flatMap((name) => firstKind(readFileSync(join(folder, name), 'utf8')));
}

function firstKind(template: string): Kind[] {
  const lines = template.replace(COMMENT, '').split('\n');
  const start = lines.findIndex((line) => !SILENT.test(line));
  const words = lines
    .slice(start, start + 2)
    .map((line) => /^(apiVersion|kind): *"?([\w./-]+)"?\s*$/.exec(line));
  const found = Object.fromEntries(words.flatMap((match) => (match === null ? [] : [[match[1], match[2]]])));
  const { apiVersion, kind } = found as Partial<Kind>;
  // A hook is not made by every run.
  if (apiVersion === undefined || kind === undefined || template.includes('helm.sh/hook')) return [];
  return [{ apiVersion, kind }];
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
