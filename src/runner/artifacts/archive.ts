import { createWriteStream } from 'node:fs';
import { chmod, link, lstat, mkdir, realpath, rm, symlink } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Extract, extract, type Header } from 'tar-stream';
import { DatamillError } from '../../errors.ts';
import { decompressed } from './compression.ts';

type Entry = Extract extends AsyncIterable<infer One> ? One : never;

/** What an entry costs beside its bytes: a folder with ten thousand empty files takes room, too. */
const ENTRY = 4096;

/** Room on a disk that is counted down as it is used. */
export class Budget {
  #left: number;
  readonly total: number;

  /** @param total bytes. */
  constructor(total: number) {
    this.total = total;
    this.#left = total;
  }

  /** @throws {DatamillError} DISK_BUDGET when it is used up. */
  spend(bytes: number): void {
    this.#left -= bytes;
    if (this.#left < 0)
      throw new DatamillError(
        'DISK_BUDGET',
        `the artifacts need more than the ${this.total} bytes of disk asked for`,
        {
          hint: 'ask for more in `resources_needed.hdd`',
        },
      );
  }
}

/**
 * Unpacks a tar archive, compressed or not, into a folder that nobody else writes to. Nothing is
 * written outside of it, and no entry can lead out of it: neither by its name nor as a link.
 *
 * @throws {DatamillError} HOSTILE_ARCHIVE, DISK_BUDGET, BAD_ARCHIVE.
 */
export async function unpack(
  stream: Readable,
  folder: string,
  budget: Budget,
  signal?: AbortSignal,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const root = await realpath(folder);
  const source = await decompressed(stream);
  const archive = extract();
  const reading = pipeline(source, archive as unknown as Writable, { signal });
  // Told again below; alone it would count as unhandled.
  reading.catch(() => undefined);
  try {
    for await (const entry of archive) await place(entry, root, budget);
    await reading;
  } catch (error) {
    stream.destroy();
    if (error instanceof DatamillError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (signal?.aborted || /^E[A-Z]+$/.test(code)) throw error;
    throw new DatamillError('BAD_ARCHIVE', `the archive cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

async function place(entry: Entry, root: string, budget: Budget): Promise<void> {
  const { header } = entry;
  budget.spend(ENTRY);
  const path = safePath(root, header.name);
  if (path === root) return void entry.resume();
  await makeParents(root, path);
  switch (header.type) {
    case 'directory':
      await mkdir(path, { recursive: true });
      break;
    case 'file':
    case 'contiguous-file':
      return await writeEntry(entry, path, budget);
    case 'symlink':
      checkTarget(root, path, header);
      await rm(path, { force: true, recursive: true });
      await symlink(header.linkname!, path);
      break;
    case 'link':
      await makeLink(root, path, header);
      break;
    case 'pax-global-header' as never:
      break;
    default:
      throw hostile(header, `is a ${header.type}`);
  }
  entry.resume();
}

async function writeEntry(entry: Entry, path: string, budget: Budget): Promise<void> {
  // A file in the way may be a link: it is replaced, not written through.
  await rm(path, { force: true, recursive: true });
  await pipeline(
    entry as unknown as Readable,
    async function* (source) {
      for await (const chunk of source) {
        budget.spend((chunk as Buffer).length);
        yield chunk;
      }
    },
    createWriteStream(path, { flags: 'wx' }),
  );
  if (((entry.header.mode ?? 0) & 0o100) !== 0) await chmod(path, 0o755);
}

function safePath(root: string, name: string): string {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (name.startsWith('/') || name.includes('\0') || parts.includes('..'))
    throw new DatamillError(
      'HOSTILE_ARCHIVE',
      `the archive has an entry outside of its folder: ${printable(name)}`,
    );
  return join(root, ...parts);
}

/** Makes the folders above a path; one that is a link would lead elsewhere. */
async function makeParents(root: string, path: string): Promise<void> {
  const above = dirname(path);
  if (above === root) return;
  await mkdir(above, { recursive: true });
  if ((await realpath(above)) !== above)
    throw new DatamillError(
      'HOSTILE_ARCHIVE',
      `the archive has an entry below a link: ${printable(path.slice(root.length))}`,
    );
}

/**
 * A link may climb at its beginning only: after a folder that may itself be a link, `..` would lead
 * anywhere.
 */
function checkTarget(root: string, path: string, header: Header): void {
  const target = header.linkname ?? '';
  const parts = target.split('/').filter((part) => part !== '' && part !== '.');
  const climbs = parts.findIndex((part) => part !== '..');
  const ups = climbs === -1 ? parts.length : climbs;
  const depth = dirname(path).slice(root.length).split(sep).filter(Boolean).length;
  if (target === '' || target.startsWith('/') || ups > depth || parts.slice(ups).includes('..'))
    throw hostile(header, `links to ${printable(target)}`);
}

async function makeLink(root: string, path: string, header: Header): Promise<void> {
  const target = safePath(root, header.linkname ?? '');
  const found = await lstat(target).catch(() => undefined);
  const inside = found?.isFile() && (await realpath(target)) === target;
  if (!inside) throw hostile(header, `links to ${printable(header.linkname ?? '')}`);
  await rm(path, { force: true, recursive: true });
  await link(target, path);
}

function hostile(header: Header, what: string): DatamillError {
  return new DatamillError(
    'HOSTILE_ARCHIVE',
    `the archive has an entry that is not allowed: ${printable(header.name)} ${what}`,
  );
}

function printable(name: string): string {
  return JSON.stringify(name.slice(0, 200));
}
