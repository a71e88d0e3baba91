import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Pack, pack } from 'tar-stream';
import { compressorFor } from './compression.ts';

export interface Packed {
  path: string;
  /** Path in the archive, with slashes. */
  name: string;
  kind: 'file' | 'directory' | 'symlink';
  size: number;
  mode: number;
  /** Milliseconds since 1970. */
  changed: number;
  inode: number;
}

/** All that can be packed in a folder, in a fixed order; links are not followed. */
export async function survey(folder: string): Promise<Packed[]> {
  const found: Packed[] = [];
  const visit = async (path: string): Promise<void> => {
    const names = await readdir(path).catch(() => []);
    for (const name of names.sort()) {
      const full = join(path, name);
      // The experiment may be at work here: what is gone is gone.
      const info = await lstat(full).catch(() => undefined);
      if (info === undefined) continue;
      const kind = info.isDirectory()
        ? 'directory'
        : info.isFile()
          ? 'file'
          : info.isSymbolicLink()
            ? 'symlink'
            : undefined;
      if (kind === undefined) continue;
      found.push({
        path: full,
        name: relative(folder, full).split(sep).join('/'),
        kind,
        size: kind === 'file' ? info.size : 0,
        mode: info.mode & 0o777,
        changed: info.mtimeMs,
        inode: info.ino,
      });
      if (kind === 'directory') await visit(full);
    }
  };
  await visit(folder);
  return found;
}

/** Changes when anything in the folder does, without reading the files. */
export function fingerprint(entries: readonly Packed[]): string {
  const hash = createHash('sha256');
  for (const { name, kind, size, mode, changed, inode } of entries)
    hash.update(JSON.stringify([name, kind, size, mode, kind === 'directory' ? 0 : changed, inode]));
  return hash.digest('hex');
}

/** Writes an archive of entries of a folder; its name says how it is compressed. */
export async function packTo(
  file: string,
  name: string,
  entries: readonly Packed[],
  signal?: AbortSignal,
): Promise<void> {
  const archive = pack();
  const source = archive as unknown as Readable;
  const compressor = compressorFor(name);
  const out = createWriteStream(file, { mode: 0o600 });
  const writing =
    compressor === undefined
      ? pipeline(source, out, { signal })
      : pipeline(source, compressor, out, { signal });
  writing.catch(() => undefined);
  try {
    for (const entry of entries) await add(archive, entry);
    archive.finalize();
  } catch (error) {
    archive.destroy(error as Error);
    await writing.catch(() => undefined);
    throw error;
  }
  await writing;
}

async function add(archive: Pack, { path, name, kind, size, mode, changed }: Packed): Promise<void> {
  const header = { name, mode, mtime: new Date(changed) };
  if (kind !== 'file') {
    const linkname = kind === 'symlink' ? await readlink(path).catch(() => undefined) : undefined;
    if (kind === 'symlink' && linkname === undefined) return;
    return await new Promise((resolve, reject) => {
      const entry = archive.entry({ ...header, type: kind, linkname }, (error) =>
        error ? reject(error) : resolve(),
      );
      if (entry === undefined) reject(new Error('the archive was closed'));
    });
  }
  await new Promise<void>((resolve, reject) => {
    const entry = archive.entry({ ...header, size }, (error) => (error ? reject(error) : resolve()));
    pipeline(exactly(path, size), entry as unknown as Writable).catch(reject);
  });
}

/** As many bytes as were announced: a file that grows meanwhile is cut, one that shrinks is filled up. */
async function* exactly(path: string, size: number): AsyncGenerator<Buffer> {
  let left = size;
  if (size > 0) {
    try {
      for await (const chunk of createReadStream(path, { end: size - 1 })) {
        left -= (chunk as Buffer).length;
        yield chunk as Buffer;
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  for (; left > 0; left -= 65_536) yield Buffer.alloc(Math.min(left, 65_536));
}
