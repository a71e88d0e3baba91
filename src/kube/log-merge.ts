import { before, type LogLine } from './log-lines.ts';

interface Head<T> {
  source: T;
  lines: LogLine[];
  index: number;
  rest: AsyncIterator<LogLine[]>;
}

/**
 * Puts logs together in the order of time, reading each no further than it has to. Lines without a
 * time stay behind the line that they follow.
 */
export async function* mergeLogs<T>(
  logs: ReadonlyArray<{ source: T; lines: AsyncIterable<LogLine[]> }>,
): AsyncGenerator<Array<{ source: T; line: LogLine }>> {
  const iterators = logs.map(({ source, lines }) => ({ source, rest: lines[Symbol.asyncIterator]() }));
  try {
    const opened = await Promise.all(
      iterators.map(({ source, rest }) => advance({ source, rest, lines: [], index: 0 })),
    );
    let heads = opened.filter((head) => head !== undefined);
    while (heads.length > 0) {
      const batch: Array<{ source: T; line: LogLine }> = [];
      let empty: Head<T> | undefined;
      while (empty === undefined) {
        const head = earliest(heads);
        batch.push({ source: head.source, line: head.lines[head.index++]! });
        if (head.index === head.lines.length) empty = head;
      }
      yield batch;
      const next = await advance(empty);
      heads = next === undefined ? heads.filter((head) => head !== empty) : heads;
    }
  } finally {
    await Promise.all(iterators.map(({ rest }) => rest.return?.()));
  }
}

async function advance<T>(head: Head<T>): Promise<Head<T> | undefined> {
  const { done, value } = await head.rest.next();
  if (done) return undefined;
  head.lines = value;
  head.index = 0;
  return head;
}

function earliest<T>(heads: ReadonlyArray<Head<T>>): Head<T> {
  return heads.reduce((first, head) => {
    const [a, b] = [first.lines[first.index]!.at, head.lines[head.index]!.at];
    if (a === undefined) return first;
    return b === undefined || before(b, a) ? head : first;
  });
}
