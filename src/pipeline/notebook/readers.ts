import { type Metadata, readChunkOptions, readMetadata } from './metadata.ts';
import { Quotes } from './quotes.ts';

/** The rest of a script, from one line on. */
export interface Lines {
  all: readonly string[];
  from: number;
}

/** One cell: where its content begins and ends and the next cell begins, counted from the first line. */
export interface ReadCell {
  metadata: Metadata;
  start: number;
  end: number;
  next: number;
}

/** Reads the cell that begins on the first of the lines. The rules are those of Jupytext's `cell_reader.py`. */
export type CellReader = (lines: Lines) => ReadCell;

const isBlank = (line: string | undefined) => line !== undefined && /^\s*$/.test(line);

const PERCENT = /^\s*#\s*%%(%*)\s(.*)$/;
const PERCENT_BARE = /^\s*#\s*(%%|<codecell>|In\[[0-9 ]*\]:?)\s*$/;

/** Cells begin with `# %%`. */
export function percentReader(language: 'python' | 'r'): CellReader {
  return ({ all, from }) => {
    const total = all.length - from;
    const first = all[from]!;
    const marked = PERCENT.test(first);
    const quotes = new Quotes(language);
    let next = total;
    for (let at = 0; at < total; at += 1) {
      const line = all[from + at]!;
      const quoted = quotes.open;
      quotes.read(line);
      if (quoted || at === 0) continue;
      if (PERCENT.test(line) || PERCENT_BARE.test(line)) {
        next = at;
        break;
      }
    }
    let end = next;
    if (lastTwoBlank(all, from, from + next)) end -= 2;
    else if (all[from + next - 1] === '') end -= 1;
    const metadata = marked ? readMetadata(first.slice(first.indexOf('%%') + 2).replace(/^%+/, '')) : {};
    return { metadata, start: marked || PERCENT_BARE.test(first) ? 1 : 0, end, next };
  };
}

function lastTwoBlank(all: readonly string[], from: number, to: number): boolean {
  return to - from >= 3 && !isBlank(all[to - 3]) && isBlank(all[to - 2]) && isBlank(all[to - 1]);
}

interface Markers {
  start: string;
  end: string;
}

const escapeText = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Cells are paragraphs, or stand between `# +` and `# -` (or markers of the file's own). */
export function lightReader(language: 'python' | 'r', markers?: Markers): CellReader {
  const startMark = new RegExp(`^#\\s*${markers === undefined ? '\\+' : escapeText(markers.start)}(.*)$`);
  const ownEnd = markers === undefined ? undefined : new RegExp(`^#\\s*${escapeText(markers.end)}\\s*$`);
  return (lines) => {
    const first = lines.all[lines.from]!;
    const options = startMark.exec(first)?.[1];
    const metadata = options === undefined ? undefined : readMetadata(options);
    if (metadata === undefined && !ownEnd?.test(first) && fullyCommented(lines, language)) {
      const blank = findFrom(lines, isBlank);
      return close(lines, { metadata: {}, start: 0, end: blank, next: blank + 1 }, false);
    }
    const ending = String(metadata?.endofcell ?? '-');
    const endMark =
      metadata === undefined ? undefined : (ownEnd ?? new RegExp(`^# ${escapeText(ending)}\\s*$`));
    const region = { startMark, endMark, strict: markers !== undefined };
    const { end, next, explicit, dropped } = regionEnd(lines, language, metadata !== undefined, region);
    const cell = {
      metadata: dropped ? {} : (metadata ?? {}),
      start: metadata === undefined || dropped ? 0 : 1,
      end,
      next,
    };
    return close(lines, cell, explicit);
  };
}

function findFrom({ all, from }: Lines, test: (line: string) => boolean): number {
  for (let at = 0; from + at < all.length; at += 1) if (test(all[from + at]!)) return at;
  return all.length - from;
}

const MAGIC =
  /^\s*(# |#)*(%|%%|%%%)[a-zA-Z]|^\s*(?:(?:# |#)+\s*)?(\?|!)\s*[A-Za-z.~$\\/{}]|^(# |#)*(cat|cd|cp|mv|rm|rmdir|mkdir|copy|ddir|echo|ls|ldir|ren)($|\s$|\s[^=,])|^(# |#)*\s*([a-zA-Z_][a-zA-Z_$0-9]*)\s*=\s*(%|%%|%%%|!)[a-zA-Z]/;

/** Whether the paragraph is one comment: then it is text, and markers in it mean nothing. */
function fullyCommented({ all, from }: Lines, language: 'python' | 'r'): boolean {
  for (let at = from; at < all.length; at += 1) {
    const line = all[at]!;
    if (!line.startsWith('#')) return at > from && isBlank(line);
    if (line.slice(1).trimStart().startsWith('#')) continue;
    const magic = language === 'python' ? MAGIC.test(line) : /^\s*(# |#)*(%|%%|%%%)[a-zA-Z]/.test(line);
    if (magic) return false;
  }
  return true;
}

interface Region {
  startMark: RegExp;
  endMark?: RegExp;
  /** Whether a marker of a start counts only when its end comes before the next start. */
  strict: boolean;
}

interface RegionEnd {
  end: number;
  next: number;
  explicit: boolean;
  dropped?: boolean;
}

function regionEnd(lines: Lines, language: 'python' | 'r', headed: boolean, region: Region): RegionEnd {
  const { all, from } = lines;
  const quotes = new Quotes(language);
  for (let at = headed ? 1 : 0; from + at < all.length; at += 1) {
    const line = all[from + at]!;
    const quoted = quotes.open;
    quotes.read(line);
    if (quoted) continue;
    if (region.startMark.test(line)) {
      const dropped = region.strict && headed;
      if (at > 0 && isBlank(all[from + at - 1])) {
        const two = at > 1 && isBlank(all[from + at - 2]);
        return { end: at - (two ? 2 : 1), next: at, explicit: false, dropped };
      }
      return { end: at, next: at, explicit: false, dropped };
    }
    if (region.endMark !== undefined) {
      if (region.endMark.test(line)) return { end: at, next: at + 1, explicit: true };
    } else if (isBlank(line) && !indentedNext(all, from + at)) return atBlank(all, from, at);
  }
  const total = all.length - from;
  return { end: total, next: total, explicit: false };
}

function atBlank(all: readonly string[], from: number, at: number): RegionEnd {
  if (at > 0) return { end: at, next: at + 1, explicit: false };
  const more = from + 1 < all.length && !isBlank(all[from + 1]);
  return { end: 1, next: more ? 1 : 2, explicit: false };
}

function indentedNext(all: readonly string[], from: number): boolean {
  for (let at = from; at < all.length; at += 1) if (!isBlank(all[at])) return /^\s/.test(all[at]!);
  return false;
}

/** Blank lines between cells belong to none. */
function close({ all, from }: Lines, cell: ReadCell, explicit: boolean): ReadCell {
  const at = (index: number) => all[from + index];
  let { end, next } = cell;
  if (explicit && lastTwoBlank(all, from + cell.start, from + end)) end -= 2;
  if (from + next + 1 < all.length && isBlank(at(next)) && !isBlank(at(next + 1))) next += 1;
  else if (
    explicit &&
    from + next + 2 < all.length &&
    isBlank(at(next)) &&
    isBlank(at(next + 1)) &&
    !isBlank(at(next + 2))
  )
    next += 2;
  return { ...cell, end, next };
}

const CHUNK = /^#\+(.*)\s*$/;

/** Cells of knitr's spin format begin with `#+`, text with `#'`. */
export function spinReader(): CellReader {
  return (lines) => {
    const { all, from } = lines;
    const first = all[from]!;
    const options = CHUNK.exec(first)?.[1];
    if (options === undefined && first.startsWith("#'")) {
      const end = findFrom(lines, (line) => !line.startsWith("#'"));
      const next = isBlank(all[from + end]) ? end + 1 : end;
      return close(lines, { metadata: {}, start: 0, end, next }, false);
    }
    const metadata = options === undefined ? {} : readChunkOptions(`r ${options}`).metadata;
    const start = options === undefined ? 0 : 1;
    const { end, next } = regionEnd(lines, 'r', start === 1, {
      startMark: /^#\+(.*)\s*$|^#'/,
      strict: false,
    });
    return close(lines, { metadata, start, end, next }, false);
  };
}
