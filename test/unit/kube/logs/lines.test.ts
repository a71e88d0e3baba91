import { describe, expect, it } from 'vitest';
import { type LogLine, readLines } from '../../../../src/kube/log-lines.ts';

const STAMP = '2026-03-01T10:00:00.000000001Z ';

async function read(chunks: Uint8Array[], longest?: number): Promise<LogLine[]> {
  async function* source() {
    for (const chunk of chunks) yield Buffer.from(chunk);
  }
  const lines: LogLine[] = [];
  for await (const batch of readLines(source(), longest)) lines.push(...batch);
  return lines;
}

const texts = (lines: LogLine[]) => lines.map(({ text }) => text);

describe('the lines of a log', () => {
  it('are the same wherever what is read was cut', async () => {
    const whole = Buffer.from(`${STAMP}grüße 🌍\n${STAMP}\n${STAMP}no end`);
    for (let cut = 0; cut <= whole.length; cut++) {
      const lines = await read([whole.subarray(0, cut), whole.subarray(cut)]);
      expect(texts(lines)).toEqual(['grüße 🌍', '', 'no end']);
      expect(lines.every(({ time }) => time === STAMP.trim())).toBe(true);
    }
  });

  it('may come byte by byte', async () => {
    const whole = Buffer.from(`${STAMP}ä\r\n${STAMP}b\n`);
    expect(texts(await read([...whole].map((byte) => Buffer.of(byte))))).toEqual(['ä', 'b']);
  });

  it('come in pieces when they are very long, without a torn character', async () => {
    const text = 'aä🌍'.repeat(1000);
    const whole = Buffer.from(`${STAMP}${text}\n${STAMP}next\n`);
    for (const size of [1, 7, 100, 5000, 100_000]) {
      const chunks: Buffer[] = [];
      for (let at = 0; at < whole.length; at += size) chunks.push(whole.subarray(at, at + size));
      const lines = await read(chunks, 101);
      const pieces = lines.slice(0, -1);
      expect(pieces.map(({ text }) => text).join('')).toBe(text);
      // What comes with its end in one chunk is in the memory anyway.
      expect(pieces.every(({ text }) => Buffer.byteLength(text) <= 101 + size)).toBe(true);
      expect(pieces.filter(({ continued }) => !continued)).toHaveLength(1);
      expect(lines.at(-1)).toMatchObject({ text: 'next', continued: false, time: STAMP.trim() });
    }
  });

  it('bear bytes that are no UTF-8', async () => {
    const bytes = Buffer.concat([Buffer.from(STAMP), Buffer.of(0xff, 0xfe, 0x80, 0x41, 0x0a)]);
    expect(texts(await read([bytes]))).toEqual(['\ufffd\ufffd\ufffdA']);
    const long = Buffer.alloc(500, 0x80);
    expect(texts(await read([long, long], 100)).join('')).toBe('\ufffd'.repeat(1000));
  });

  it('know their time, in whatever zone the node is', async () => {
    const [utc, east, none] = await read([
      Buffer.from(`2026-03-01T10:00:00.5Z a\n2026-03-01T11:00:00.500000000+01:00 b\nfailed to open\n`),
    ]);
    expect(utc!.at).toEqual({ second: Date.UTC(2026, 2, 1, 10) / 1000, nanosecond: 500_000_000 });
    expect(east!.at).toEqual(utc!.at);
    expect(none).toEqual({ text: 'failed to open', continued: false });
  });
});
