export type OutputStream = NodeJS.WritableStream & { columns?: number; rows?: number; isTTY?: boolean };

/** Lines to a stream that may be slow, or closed by the other side (`| head`). */
export interface Sink {
  line(text: string): void;
  /** Settles when everything was taken by the stream, or the stream was closed. */
  flush(): Promise<void>;
}

export function createSink(stream: OutputStream): Sink {
  const waiting: string[] = [];
  let blocked = false;
  let closed = false;
  let settle: (() => void)[] = [];
  const drain = () => {
    blocked = false;
    while (!blocked && !closed && waiting.length > 0) blocked = !stream.write(waiting.shift()!);
    if (blocked && !closed) return;
    for (const done of settle.splice(0)) done();
  };
  stream.on('drain', drain);
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // EIO: the terminal was closed.
    if (!['EPIPE', 'EIO', 'ERR_STREAM_DESTROYED'].includes(error.code ?? '')) throw error;
    closed = true;
    waiting.length = 0;
    drain();
  });
  return {
    line(text) {
      if (closed) return;
      waiting.push(`${text}\n`);
      if (!blocked) drain();
    },
    flush() {
      if (closed || (!blocked && waiting.length === 0)) return Promise.resolve();
      return new Promise((done) => {
        settle = [...settle, done];
      });
    },
  };
}
