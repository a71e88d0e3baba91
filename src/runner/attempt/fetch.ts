import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { configError } from '../../errors.ts';
import { type Budget, unpack } from '../artifacts/archive.ts';
import type { ArtifactCache } from '../artifacts/cache.ts';
import type { Place } from '../artifacts/contract.ts';
import type { Labelled } from './labels.ts';

export interface FetchOptions {
  /** Folder that gets a folder per label. */
  root: string;
  budget: Budget;
  cache: ArtifactCache;
  signal: AbortSignal;
}

/**
 * Brings an artifact into the folder of its label; a mutable one that is not there yet becomes an
 * empty folder.
 *
 * @returns the version that was seen; null when there was none.
 * @throws {DatamillError} NO_ARTIFACT, DISK_BUDGET, HOSTILE_ARCHIVE, BAD_ARCHIVE; those of the store.
 */
export async function fetchArtifact(
  { label, artifact }: Labelled,
  place: Place,
  { root, budget, cache, signal }: FetchOptions,
): Promise<string | null> {
  const folder = join(root, label);
  await mkdir(folder, { recursive: true });
  if (artifact.mutable) {
    const found = await place.read(signal);
    if (found === undefined) return null;
    await put(found.stream, artifact.unpack !== false, folder, place.key, budget, signal);
    return found.version;
  }
  const opened = await cache.open(place, signal);
  if (opened === undefined)
    throw configError('NO_ARTIFACT', `the artifact "${label}" is not at ${place.name}`, {
      hint: 'was it stored before the experiment was submitted?',
    });
  await put(opened.stream, artifact.unpack !== false, folder, place.key, budget, signal);
  return null;
}

async function put(
  stream: Readable,
  unpacked: boolean,
  folder: string,
  key: string,
  budget: Budget,
  signal: AbortSignal,
): Promise<void> {
  if (unpacked) return await unpack(stream, folder, budget, signal);
  await pipeline(
    stream,
    async function* (chunks) {
      for await (const chunk of chunks) {
        budget.spend((chunk as Buffer).length);
        yield chunk;
      }
    },
    createWriteStream(join(folder, basename(key))),
    { signal },
  );
}
