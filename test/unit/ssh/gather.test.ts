import { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { gather } from '../../../src/ssh/gather.ts';

describe('a stream that gathers', () => {
  it('passes on together what is written in one turn, in order, and all of it at its end', async () => {
    const seen: string[] = [];
    const stream = new Duplex({
      read: () => undefined,
      write(chunk, _encoding, done) {
        seen.push(String(chunk));
        done();
      },
      writev(chunks, done) {
        seen.push(chunks.map(({ chunk }) => String(chunk)).join(''));
        done();
      },
    });
    gather(stream);
    for (const piece of ['a', 'b', 'c']) stream.write(piece);
    await turn();
    stream.write('d');
    await turn();
    stream.write('e');
    stream.end('f');
    await turn();
    expect(seen).toEqual(['abc', 'd', 'ef']);
  });
});
