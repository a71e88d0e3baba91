import { spawn } from 'node:child_process';
import { Duplex, Readable, type Transform } from 'node:stream';
import { createGunzip, createGzip } from 'node:zlib';
import unbzip2 from 'unbzip2-stream';

/** How archives begin, whatever their name says. */
const GZIP = Buffer.of(0x1f, 0x8b);
const BZIP2 = Buffer.from('BZh');

/** The content of a stream that may be compressed with gzip or bzip2. */
export async function decompressed(stream: Readable): Promise<Readable> {
  const { head, whole } = await peek(stream, BZIP2.length);
  if (head.subarray(0, GZIP.length).equals(GZIP)) return through(whole, createGunzip());
  if (head.equals(BZIP2)) return through(whole, unbzip2() as unknown as Transform);
  return whole;
}

function through(stream: Readable, transform: Transform): Readable {
  stream.once('error', (error) => transform.destroy(error));
  return stream.pipe(transform);
}

/** The first bytes, and a stream that has them still. */
async function peek(stream: Readable, count: number): Promise<{ head: Buffer; whole: Readable }> {
  const chunks = stream[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < count) {
    const { done, value } = await chunks.next();
    if (done) break;
    head = Buffer.concat([head, value as Buffer]);
  }
  async function* all() {
    if (head.length > 0) yield head;
    for (;;) {
      const { done, value } = await chunks.next();
      if (done) return;
      yield value as Buffer;
    }
  }
  const whole = Readable.from(all(), { objectMode: false, highWaterMark: 256 * 1024 });
  whole.once('close', () => stream.destroy());
  return { head: head.subarray(0, count), whole };
}

/** Compresses as the name of the archive says: gzip or bzip2; undefined for one that stays as it is. */
export function compressorFor(name: string): Duplex | undefined {
  if (/\.(tar\.gz|tgz|gz)$/.test(name)) return createGzip();
  if (!/\.(tar\.bz2|tbz2?|bz2)$/.test(name)) return undefined;
  // No library writes this format; the program is on nearly every machine.
  const child = spawn('bzip2', ['-c'], { stdio: ['pipe', 'pipe', 'ignore'] });
  const stream = Duplex.from({ writable: child.stdin, readable: child.stdout });
  child.once('error', (error) => stream.destroy(error));
  return stream;
}
