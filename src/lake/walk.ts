import {
  type Dirent,
  lstatSync,
  readdirSync,
  readFileSync,
  realpathSync,
  type Stats,
  statSync,
} from 'node:fs';
import { join, sep } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import { errorMessage } from '../errors.ts';
import { type Ignore, readIgnore } from './ignore.ts';

/** A file that becomes an object. */
export interface LocalFile {
  bucket: string;
  key: string;
  /** Where it really is: without links. */
  path: string;
  /** Bytes. */
  size: number;
  /** Milliseconds since the epoch. */
  changed: number;
}

/** A file or folder that does not become an object, and why. */
export interface LeftOut {
  bucket: string;
  /** As it would have been called; folders end with a slash. */
  key: string;
  reason: string;
  /** Refused: somebody has to do something about it. Else it was left out on purpose. */
  refused: boolean;
}

export interface Walked {
  files: LocalFile[];
  leftOut: LeftOut[];
}

/** Longest key, in bytes, that S3 takes. */
const LONGEST = 1024;
const IGNORE_FILE = '.datamillignore';

/** The folders of a data folder, each of which is a bucket; hidden ones are left alone. */
export function bucketFolders(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.') && name !== '__pycache__')
    .filter((entry) => isFolder(join(folder, entry.name), entry))
    .map(({ name }) => name)
    .sort();
}

function isFolder(path: string, entry: Dirent): boolean {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/**
 * Lists what is in a bucket's folder. Links are followed as long as they stay in the data folder.
 * Everything that is not sent is named.
 */
export async function walk(folder: string, bucket: string, signal?: AbortSignal): Promise<Walked> {
  const root = realpathSync(folder);
  const walker = new Walker(root, bucket, signal);
  await walker.enter(join(folder, bucket), '');
  return { files: walker.files, leftOut: walker.leftOut };
}

class Walker {
  readonly files: LocalFile[] = [];
  readonly leftOut: LeftOut[] = [];
  readonly #root: string;
  readonly #bucket: string;
  readonly #signal: AbortSignal | undefined;
  #ignore: Ignore = readIgnore('');

  constructor(root: string, bucket: string, signal: AbortSignal | undefined) {
    this.#root = root;
    this.#bucket = bucket;
    this.#signal = signal;
  }

  /** @param above the real folders on the way here, to find circles. */
  async enter(path: string, prefix: string, above: readonly string[] = []): Promise<void> {
    this.#signal?.throwIfAborted();
    // Looking at files is done at once, as it takes microseconds; others have their turn between folders.
    await breathe();
    let real: string;
    let names: Buffer[];
    try {
      real = realpathSync(path);
      if (!this.#isInside(real))
        return this.#refuse(prefix, `it is a link that leads out of the data folder, to ${real}`);
      if (above.includes(real)) return this.#refuse(prefix, 'it is a link that leads in a circle');
      names = readdirSync(real, { encoding: 'buffer' });
      if (prefix === '') this.#ignore = ignoreOf(join(real, IGNORE_FILE));
    } catch (error) {
      return this.#refuse(prefix, reasonOf(error));
    }
    const sorted = names.map((bytes) => ({ bytes, name: bytes.toString('utf8') }));
    sorted.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const { bytes, name } of sorted) {
      if (bytes.equals(Buffer.from(name)))
        await this.#take(join(real, name), `${prefix}${name}`, [...above, real]);
      else this.#refuse(`${prefix}${name}`, 'its name is not UTF-8');
    }
  }

  async #take(path: string, key: string, above: readonly string[]): Promise<void> {
    let stats: Stats;
    let real = path;
    try {
      stats = lstatSync(path);
      if (stats.isSymbolicLink()) {
        real = realpathSync(path);
        stats = statSync(real);
      }
    } catch (error) {
      const dangling = (error as NodeJS.ErrnoException).code === 'ENOENT';
      if (this.#ignore(key)) return this.#skip(key, 'it is hidden or ignored');
      return this.#refuse(key, dangling ? 'it is a link to what is not there' : reasonOf(error));
    }
    const folder = stats.isDirectory();
    if (this.#ignore(folder ? `${key}/` : key))
      return this.#skip(folder ? `${key}/` : key, 'it is hidden or ignored');
    if (folder) return await this.enter(path, `${key}/`, above);
    if (!stats.isFile()) return this.#skip(key, `it is ${kindOf(stats)}`);
    if (!this.#isInside(real))
      return this.#refuse(key, `it is a link that leads out of the data folder, to ${real}`);
    if (Buffer.byteLength(key) > LONGEST) return this.#refuse(key, `its name has more than ${LONGEST} bytes`);
    this.files.push({ bucket: this.#bucket, key, path: real, size: stats.size, changed: stats.mtimeMs });
  }

  #isInside(real: string): boolean {
    return real === this.#root || real.startsWith(this.#root.endsWith(sep) ? this.#root : this.#root + sep);
  }

  #skip(key: string, reason: string): void {
    this.leftOut.push({ bucket: this.#bucket, key, reason, refused: false });
  }

  #refuse(key: string, reason: string): void {
    this.leftOut.push({ bucket: this.#bucket, key, reason, refused: true });
  }
}

function ignoreOf(file: string): Ignore {
  try {
    return readIgnore(readFileSync(file, 'utf8'));
  } catch (error) {
    // What somebody wanted left out must not be sent because the file could not be read.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return readIgnore('');
  }
}

function kindOf(stats: Stats): string {
  if (stats.isSocket()) return 'a socket';
  if (stats.isFIFO()) return 'a pipe';
  return 'a device';
}

export function reasonOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EPERM') return 'this user may not read it';
  if (code === 'ENOENT') return 'it went away';
  if (code === 'ELOOP') return 'it is a link that leads in a circle';
  return errorMessage(error);
}
