import type { Duplex } from 'node:stream';

/**
 * Lets what is written to a stream in one turn leave it as one. The library writes each packet in
 * pieces, the first one of four bytes, and each would be a message and a system call of its own.
 */
export function gather(stream: Duplex): void {
  const write = stream.write as (...args: unknown[]) => boolean;
  const gathered = (...args: unknown[]): boolean => {
    if (stream.writableCorked === 0) {
      stream.cork();
      process.nextTick(() => stream.uncork());
    }
    return write.apply(stream, args);
  };
  stream.write = gathered as typeof stream.write;
}
