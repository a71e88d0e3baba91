import { readHeader } from './header.ts';
import { isParameters, readChunkOptions } from './metadata.ts';
import { Quotes } from './quotes.ts';
import { type CellReader, type Lines, lightReader, percentReader, spinReader } from './readers.ts';

/** The parameters cell of a script: its text, and the line of the file it begins on, from 0. */
export interface ScriptCell {
  source: string;
  line: number;
}

export type Script = { cell?: ScriptCell; kernel?: string; unsupported?: string };

/** Splits as Python's `splitlines` does for what editors write. */
function splitLines(text: string): string[] {
  const lines = text.split(/\r\n|\n|\r|\v|\f/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/**
 * Finds the first cell tagged `parameters` of a script, as Jupytext 1.19 splits it: in the percent,
 * hydrogen, light or spin format.
 */
export function readScript(text: string, language: 'python' | 'r'): Script {
  const lines = splitLines(text.replace(/^\ufeff/, ''));
  const header = readHeader(lines, '#');
  const format = header.format ?? guess(lines, language);
  const { kernel } = header;
  if (format === 'marimo') return { kernel, unsupported: 'marimo notebooks have no parameters cell' };
  const reader = readerFor(format, language, header.markers);
  if (reader === undefined) return { kernel };
  return { kernel, cell: findCell(lines, header.next, reader) };
}

function readerFor(format: string, language: 'python' | 'r', markers?: string): CellReader | undefined {
  if (format === 'percent' || format === 'hydrogen') return percentReader(language);
  if (format === 'spin') return spinReader();
  if (format === 'sphinx') return undefined;
  const [start, end] = (format.startsWith('light:') ? format.slice(6) : (markers ?? '')).split(',');
  const custom = start !== undefined && start !== '' && start !== '+' && end !== undefined;
  return lightReader(language, custom ? { start, end } : undefined);
}

function findCell(lines: readonly string[], from: number, reader: CellReader): ScriptCell | undefined {
  for (let at = from; at < lines.length; ) {
    const rest: Lines = { all: lines, from: at };
    const { metadata, start, end, next } = reader(rest);
    if (isParameters(metadata))
      return { source: lines.slice(at + start, at + end).join('\n'), line: at + start };
    if (next <= 0) return undefined;
    at += next;
  }
  return undefined;
}

const FORMATS = {
  percent: /^#( %%|%%)(\s|$)|^#( <codecell>| In\[[0-9 ]*\]:?)/,
  magic: /^\s*%{1,3}[a-zA-Z]/,
  sphinx: /^#( |)#{19,}\s*$/,
  spin: /^#'/,
  vim: /^#\s*\{\{\{/,
  region: /^#\s*region/,
  marimo: /^(import marimo|app = marimo\.App\(\)|@app.cell.*)$/,
};

const KINDS = Object.keys(FORMATS) as Array<keyof typeof FORMATS>;

function guess(lines: readonly string[], language: 'python' | 'r'): string {
  const counts = { percent: 0, magic: 0, sphinx: 0, spin: 0, vim: 0, region: 0, marimo: 0 };
  const quotes = new Quotes(language);
  for (const line of lines) {
    quotes.read(line);
    if (quotes.open) continue;
    if (!/^\s*[#%@ia]/.test(line)) continue;
    for (const name of KINDS) if (FORMATS[name].test(line)) counts[name] += 1;
  }
  if (counts.percent > 0) return counts.magic > 0 ? 'hydrogen' : 'percent';
  if (language === 'python' && counts.marimo >= 2) return 'marimo';
  if (counts.vim > 0) return 'light:{{{,}}}';
  if (counts.region > 0) return 'light:region,endregion';
  if (language === 'python' && counts.sphinx >= 2) return 'sphinx';
  return language === 'r' && counts.spin > 0 ? 'spin' : 'light';
}

/** Finds the chunk of an R Markdown document that is tagged `parameters`. */
export function readRMarkdown(text: string): Script {
  const lines = splitLines(text.replace(/^\ufeff/, ''));
  const { next, kernel } = readHeader(lines, '');
  let fence: 'chunk' | 'block' | undefined;
  let found: number | undefined;
  const quotes = new Quotes('r');
  for (let at = next; at < lines.length; at += 1) {
    const line = lines[at]!;
    if (fence !== undefined) {
      const quoted = fence === 'chunk' && quotes.open;
      if (fence === 'chunk') quotes.read(line);
      if (quoted || !/^```\s*$/.test(line)) continue;
      if (found !== undefined)
        return { kernel, cell: { source: lines.slice(found, at).join('\n'), line: found } };
      fence = undefined;
      continue;
    }
    const options = /^```\{(.*)\}\s*$/.exec(line)?.[1];
    if (options !== undefined) {
      fence = 'chunk';
      if (isParameters(readChunkOptions(options).metadata)) found = at + 1;
    } else if (line.startsWith('```')) fence = 'block';
  }
  return {
    kernel,
    cell: found === undefined ? undefined : { source: lines.slice(found).join('\n'), line: found },
  };
}
