import { describe, expect, it } from 'vitest';
import { LogCursor } from '../../../../src/kube/log-cursor.ts';
import type { LogLine } from '../../../../src/kube/log-lines.ts';

const START = Date.UTC(2026, 2, 1, 10) / 1000;

interface Written {
  second: number;
  nanosecond: number;
  text: string;
}

/** What the API gives from a whole second on. */
function since(log: readonly Written[], time: string | undefined): LogLine[] {
  const from = time === undefined ? 0 : Date.parse(time) / 1000;
  return log
    .filter(({ second }) => second >= from)
    .map(({ second, nanosecond, text }) => ({
      time: 'as the node wrote it',
      at: { second, nanosecond },
      text,
      continued: false,
    }));
}

/** A small generator of numbers, the same on every run. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state % below;
  };
}

describe('reading a log again', () => {
  it('neither loses nor doubles a line, wherever it was cut, also with equal times', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const next = random(seed);
      let second = START;
      const log = Array.from({ length: 60 }, (_, index) => {
        second += next(4) === 0 ? 1 : 0;
        // Few different times, and two outputs that overtake each other now and then.
        return { second, nanosecond: next(3), text: String(index) };
      });
      const cursor = new LogCursor();
      const got: string[] = [];
      for (let there = 1 + next(5); ; there = Math.min(log.length, there + 1 + next(8))) {
        cursor.restart();
        const lines = since(log.slice(0, there), cursor.since);
        // The connection breaks somewhere in what comes.
        const come = there === log.length ? lines : lines.slice(0, next(lines.length + 1));
        got.push(...cursor.fresh(come).map(({ text }) => text));
        if (there === log.length) break;
      }
      expect([...got].sort((a, b) => Number(a) - Number(b))).toEqual(log.map(({ text }) => text));
    }
  });

  it('does not bring what --tail left out', () => {
    const log = [0, 1, 2, 3].map((nanosecond) => ({ second: START, nanosecond, text: `${nanosecond}` }));
    const cursor = new LogCursor();
    cursor.fresh(since(log, undefined).slice(-1));
    cursor.restart();
    expect(cursor.fresh(since(log, cursor.since))).toEqual([]);
  });

  it('takes the pieces of a long line as one', () => {
    const [line] = since([{ second: START, nanosecond: 1, text: 'a' }], undefined);
    const pieces = [line!, { text: 'b', continued: true }];
    const cursor = new LogCursor();
    expect(cursor.fresh(pieces)).toEqual(pieces);
    cursor.restart();
    expect(cursor.fresh(pieces)).toEqual([]);
  });

  it('begins at the beginning when nothing was read', () => {
    expect(new LogCursor().since).toBeUndefined();
  });
});
