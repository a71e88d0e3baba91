import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Place } from './contract.ts';

export interface CacheOptions {
  folder: string;
  /** Bytes that the cache may hold. */
  size: number;
  onHit?(): void;
  onMiss?(): void;
}

/**
 * Immutable artifacts as files, by address and version; those unused for longest go when it is full.
 * What is larger than the cache is not kept.
 */
export class ArtifactCache {
  readonly #options: CacheOptions;
  readonly #coming = new Map<string, Promise<void>>();

  constructor(options: CacheOptions) {
    this.#options = options;
  }

  /** Opens an object, from the cache where it is there; undefined when the store has no such object. */
  async open(place: Place, signal?: AbortSignal): Promise<{ stream: Readable; size: number } | undefined> {
    const found = await place.head(signal);
    if (found === undefined) return undefined;
    if (found.size > this.#options.size) {
      this.#options.onMiss?.();
      return await place.read(signal);
    }
    const name = createHash('sha256').update(`${place.name}\n${found.version}`).digest('hex');
    const file = join(this.#options.folder, name);
    if (await this.#use(file, found.size)) this.#options.onHit?.();
    else {
      this.#options.onMiss?.();
      // Several experiments may want it at once: it travels once.
      const coming = this.#coming.get(name) ?? this.#fill(place, file, found.size, signal);
      this.#coming.set(name, coming);
      await coming.finally(() => this.#coming.delete(name));
    }
    return { stream: createReadStream(file), size: found.size };
  }

  async #use(file: string, size: number): Promise<boolean> {
    const there = await stat(file).catch(() => undefined);
    if (there?.size !== size) return false;
    await utimes(file, new Date(), new Date()).catch(() => undefined);
    return true;
  }

  async #fill(place: Place, file: string, size: number, signal?: AbortSignal): Promise<void> {
    await mkdir(this.#options.folder, { recursive: true });
    await this.#makeRoom(size);
    const temporary = `${file}.${randomUUID()}.tmp`;
    try {
      const { stream } = (await place.read(signal))!;
      await pipeline(stream, createWriteStream(temporary, { mode: 0o600 }), { signal });
      await rename(temporary, file);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }

  async #makeRoom(size: number): Promise<void> {
    const { folder, size: limit } = this.#options;
    const files = await Promise.all(
      (await readdir(folder)).map(async (name) => {
        const info = await stat(join(folder, name)).catch(() => undefined);
        return { path: join(folder, name), size: info?.size ?? 0, used: info?.mtimeMs ?? 0 };
      }),
    );
    let total = size + files.reduce((sum, one) => sum + one.size, 0);
    for (const { path, size: freed } of files.sort((a, b) => a.used - b.used)) {
      if (total <= limit) return;
      await rm(path, { force: true });
      total -= freed;
    }
  }
}
