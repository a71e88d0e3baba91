import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Pack, pack } from 'tar-stream';
import { DatamillError } from '../../errors.ts';
import type { CodeVersion } from '../../pipeline/index.ts';

/** Told how many bytes were sent. */
type Progress = (bytes: number) => void;

/**
 * A tar archive with the checksums of a version and some of its files. Whoever reads it sets the
 * pace; a file that has changed meanwhile ends it.
 */
export function archive(
  version: CodeVersion,
  send: ReadonlySet<string>,
  onProgress: Progress,
): { stream: Readable; done: Promise<void> } {
  const stream = pack();
  const done = write(stream, version, send, onProgress).catch((error: Error) => {
    stream.destroy(error);
    throw error;
  });
  return { stream: Readable.from(stream), done };
}

async function write(
  stream: Pack,
  { files }: CodeVersion,
  send: ReadonlySet<string>,
  onProgress: Progress,
): Promise<void> {
  const sums = files
    .filter(({ link }) => link === undefined)
    .map(({ sha256, path }) => `${sha256}  ${path}\n`);
  stream.entry({ name: '.datamill-upload', mode: 0o644 }, sums.join(''));
  let sent = 0;
  for (const { path, absolute, size, executable, link } of files) {
    if (link !== undefined) stream.entry({ name: path, type: 'symlink', linkname: link });
    else if (send.has(path)) {
      const mode = executable ? 0o755 : 0o644;
      const entry = stream.entry({ name: path, mode, size, mtime: new Date(0) });
      // Not more than was said: a file that grows would break the archive.
      const from = createReadStream(absolute, { end: Math.max(0, size - 1) });
      await pipeline(from, entry).catch((error: Error) => {
        throw new DatamillError('CODE_CHANGED', `${path} cannot be sent: ${error.message}`, { cause: error });
      });
      sent += size;
      onProgress(sent);
    }
  }
  stream.finalize();
}
