import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { withLock } from '../../util/lock.ts';
import { type Condition, ConflictError, type Found, type Place } from './contract.ts';

/**
 * An object that is a file: `file:///folder/key`. The folder is the bucket. Conditions hold among
 * all who write through this class, by a lock file beside the object.
 */
export class FilePlace implements Place {
  readonly name: string;
  readonly key: string;
  readonly #root: string;

  /** @param root what stands for the bucket; keys are below it. */
  constructor(root: string, key: string) {
    this.#root = root;
    this.key = key;
    this.name = `file://${join(root, key)}`;
  }

  get #path(): string {
    return join(this.#root, this.key);
  }

  async head(): Promise<Found | undefined> {
    try {
      const { size, mtimeNs, ino } = await stat(this.#path, { bigint: true });
      return {
        version: `${ino.toString(16)}-${mtimeNs.toString(16)}-${size.toString(16)}`,
        size: Number(size),
      };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
      throw error;
    }
  }

  async read() {
    const found = await this.head();
    if (found === undefined) return undefined;
    const handle = await open(this.#path);
    return {
      ...found,
      stream: createReadStream('', { fd: handle.fd, autoClose: true, start: 0 }).on(
        'close',
        () => void handle.close().catch(() => undefined),
      ),
    };
  }

  async write(
    content: string | Uint8Array,
    { condition, signal }: { condition?: Condition; signal?: AbortSignal } = {},
  ): Promise<string> {
    await mkdir(dirname(this.#path), { recursive: true });
    const temporary = join(dirname(this.#path), `.${randomUUID()}.tmp`);
    try {
      if (typeof content === 'string') await copyFile(content, temporary);
      else await writeFile(temporary, content);
      const put = async () => {
        if (condition !== undefined && ((await this.head())?.version ?? null) !== condition.was)
          throw new ConflictError(this.name);
        await rename(temporary, this.#path);
        return (await this.head())!.version;
      };
      if (condition === undefined) return await put();
      return await withLock(`${this.#path}.lock`, { signal }, put);
    } finally {
      await rm(temporary, { force: true });
    }
  }

  async list(prefix: string): Promise<string[]> {
    const folder = join(this.#root, prefix.slice(0, prefix.lastIndexOf('/') + 1));
    const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
    return entries
      .filter((one) => one.isFile() && !one.name.startsWith('.') && !one.name.endsWith('.lock'))
      .map((one) => relative(this.#root, join(one.parentPath, one.name)))
      .filter((key) => key.startsWith(prefix))
      .sort();
  }

  async remove(): Promise<void> {
    await rm(this.#path, { force: true });
  }

  sibling(key: string): Place {
    return new FilePlace(this.#root, key);
  }
}
