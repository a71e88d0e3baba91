export interface Line {
  mark: ' ' | '-' | '+';
  text: string;
}

/** Above this many comparisons the changed part is shown as replaced as a whole. */
const maxCells = 4_000_000;

/** The lines of two texts in order, each kept, removed or added; as few of the latter as possible. */
export function diffLines(before: string, after: string): Line[] {
  const a = before.split('\n');
  const b = after.split('\n');
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end += 1;
  const kept = (lines: string[]): Line[] => lines.map((text) => ({ mark: ' ', text }));
  return [
    ...kept(a.slice(0, start)),
    ...diffMiddle(a.slice(start, a.length - end), b.slice(start, b.length - end)),
    ...kept(a.slice(a.length - end)),
  ];
}

function diffMiddle(a: string[], b: string[]): Line[] {
  if (a.length * b.length > maxCells) return [...mark('-', a), ...mark('+', b)];
  const width = b.length + 1;
  // lengths[i * width + j]: the longest common subsequence of a from i and b from j.
  const lengths = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const below = lengths[(i + 1) * width + j] ?? 0;
      const right = lengths[i * width + j + 1] ?? 0;
      const both = (lengths[(i + 1) * width + j + 1] ?? 0) + 1;
      lengths[i * width + j] = a[i] === b[j] ? both : Math.max(below, right);
    }
  }
  return walk(a, b, lengths, width);
}

function walk(a: string[], b: string[], lengths: Uint32Array, width: number): Line[] {
  const lines: Line[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      lines.push({ mark: ' ', text: a[i]! });
      i += 1;
      j += 1;
    } else if ((lengths[(i + 1) * width + j] ?? 0) >= (lengths[i * width + j + 1] ?? 0)) {
      lines.push({ mark: '-', text: a[i]! });
      i += 1;
    } else {
      lines.push({ mark: '+', text: b[j]! });
      j += 1;
    }
  }
  return [...lines, ...mark('-', a.slice(i)), ...mark('+', b.slice(j))];
}

/**
 * The changed lines with `context` kept ones around them, as the hunks of a unified diff:
 * every hunk starts with its `@@ -LINE,COUNT +LINE,COUNT @@`.
 */
export function unifiedHunks(before: string, after: string, context: number): string[] {
  const lines = diffLines(before, after);
  const near = lines.map(() => false);
  lines.forEach((line, index) => {
    if (line.mark === ' ') return;
    near.fill(true, Math.max(0, index - context), Math.min(lines.length, index + context + 1));
  });
  const out: string[] = [];
  let a = 1;
  let b = 1;
  lines.forEach((line, index) => {
    if (near[index]) {
      if (index === 0 || !near[index - 1]) out.push(header(lines, near, index, a, b));
      out.push(`${line.mark}${line.text}`);
    }
    if (line.mark !== '+') a += 1;
    if (line.mark !== '-') b += 1;
  });
  return out;
}

function header(lines: Line[], near: boolean[], from: number, a: number, b: number): string {
  const end = near.indexOf(false, from);
  const hunk = lines.slice(from, end === -1 ? undefined : end);
  const count = (other: Line['mark']) => hunk.filter((line) => line.mark !== other).length;
  return `@@ -${a},${count('+')} +${b},${count('-')} @@`;
}

function mark(sign: Line['mark'], lines: string[]): Line[] {
  return lines.map((text) => ({ mark: sign, text }));
}
