/** Longer lines come in pieces, so that a file without line ends does not fill the memory. */
const LONGEST = 1 << 20;
const LINE_END = 0x0a;
/** Bytes of UTF-8. */
const LONGEST_CHARACTER = 4;
/** RFC 3339 with nanoseconds, as the kubelet puts it before every line when it is asked to. */
const STAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) /;

/** When a line was written. */
export interface Instant {
  /** Since the epoch. */
  second: number;
  nanosecond: number;
}

/** One line of a container's log. */
export interface LogLine {
  /** As the node wrote it; absent for what the node says about the log itself. */
  time?: string;
  at?: Instant;
  text: string;
  /** True for the second and further pieces of a line that is too long for one. */
  continued: boolean;
}

export function before(a: Instant, b: Instant): boolean {
  return a.second < b.second || (a.second === b.second && a.nanosecond < b.nanosecond);
}

/**
 * Cuts what is read into lines, a batch for each chunk. Lines are decoded as a whole, so that no
 * character is torn by the border of two chunks.
 *
 * @param longest bytes to keep of a line that has not ended yet; what is longer comes in pieces.
 */
export async function* readLines(
  source: AsyncIterable<Buffer>,
  longest = LONGEST,
): AsyncGenerator<LogLine[]> {
  let rest: Buffer[] = [];
  let size = 0;
  let continued = false;
  const take = (end: Buffer): LogLine => {
    const line = toLine(rest.length === 0 ? end : Buffer.concat([...rest, end]), continued);
    rest = [];
    size = 0;
    continued = false;
    return line;
  };
  for await (const chunk of source) {
    const lines: LogLine[] = [];
    let from = 0;
    for (let at = chunk.indexOf(LINE_END); at !== -1; at = chunk.indexOf(LINE_END, from)) {
      lines.push(take(chunk.subarray(from, at)));
      from = at + 1;
    }
    if (from < chunk.length) rest.push(chunk.subarray(from));
    size += chunk.length - from;
    while (size >= longest) {
      const all = Buffer.concat(rest);
      const cut = pieceEnd(all, longest);
      lines.push(toLine(all.subarray(0, cut), continued));
      continued = true;
      rest = [all.subarray(cut)];
      size = all.length - cut;
    }
    if (lines.length > 0) yield lines;
  }
  if (size > 0) yield [take(Buffer.alloc(0))];
}

/** Where a piece ends that is to have so many bytes: before a character that would be torn. */
function pieceEnd(bytes: Buffer, wanted: number): number {
  for (let back = 1; back < LONGEST_CHARACTER; back += 1) {
    const byte = bytes[wanted - back]!;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? wanted - back : wanted;
  }
  return wanted;
}

function toLine(bytes: Buffer, continued: boolean): LogLine {
  const end = bytes.at(-1) === 0x0d ? bytes.length - 1 : bytes.length;
  const text = bytes.toString('utf8', 0, end);
  const match = continued ? null : STAMP.exec(text);
  if (match === null) return { text, continued };
  const [stamp, whole, fraction = '', zone] = match;
  const second = Date.parse(`${whole}${zone}`) / 1000;
  const nanosecond = Number(fraction.padEnd(9, '0'));
  return {
    time: stamp.slice(0, -1),
    at: { second, nanosecond },
    text: text.slice(stamp.length),
    continued,
  };
}
