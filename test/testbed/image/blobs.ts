import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Of } from '../../../src/tools/transfer.ts';
import { writeAtomically } from '../../../src/util/atomic.ts';
import { call } from '../call.ts';
import { cache } from '../layout.ts';

/** The OCI image specification's way to name a blob. */
export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
}

/** What an image consists of: written last, so that an image is there whole or not at all. */
export interface ImageRecord {
  image: string;
  manifest: Descriptor;
  blobs: Descriptor[];
  layers: Descriptor[];
}

const TYPE = 'application/vnd.oci.image';

function blobPath(digest: string): string {
  return cache('images', 'blobs', 'sha256', digest.replace('sha256:', ''));
}

function recordPath(name: string, digest: string): string {
  return cache('images', 'records', `${name}@${digest}.json`);
}

/** Packs a folder, or some paths of it, into a layer. */
export async function addLayer(
  folder: string,
  paths: readonly string[],
  exclude: readonly string[] = [],
): Promise<Descriptor> {
  const work = cache('images', 'layer.part');
  await mkdir(cache('images', 'blobs', 'sha256'), { recursive: true });
  const part = `${work}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  try {
    await call('tar', [
      ...['--create', '--file', part, '--directory', folder, '--numeric-owner', '--sort=name'],
      ...exclude.map((pattern) => `--exclude=${pattern}`),
      ...['--', ...paths],
    ]);
    const digest = `sha256:${await sha256Of(part)}`;
    const size = statSync(part).size;
    await rename(part, blobPath(digest));
    return { mediaType: `${TYPE}.layer.v1.tar`, digest, size };
  } finally {
    await rm(part, { force: true });
  }
}

async function addJson(kind: string, content: object): Promise<Descriptor> {
  const text = JSON.stringify(content);
  const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`;
  await writeAtomically(blobPath(digest), text);
  return { mediaType: `${TYPE}.${kind}.v1+json`, digest, size: Buffer.byteLength(text) };
}

/** Writes down an image of these layers; images of the same name that were made of something else go. */
export async function addImage(
  { name, image, digest }: { name: string; image: string; digest: string },
  layers: Descriptor[],
  config: { Env: string[]; Entrypoint?: string[]; Cmd?: string[] },
): Promise<ImageRecord> {
  const described = await addJson('config', {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config,
    // Layers are not packed, so their digests are those of their contents.
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.digest) },
  });
  const manifest = await addJson('manifest', {
    schemaVersion: 2,
    mediaType: `${TYPE}.manifest.v1+json`,
    config: described,
    layers,
  });
  const record: ImageRecord = { image, manifest, blobs: [manifest, described, ...layers], layers };
  await writeAtomically(recordPath(name, digest), JSON.stringify(record));
  return record;
}

/** An image that was made before; undefined when any part of it is missing. */
export async function findImage(name: string, digest: string): Promise<ImageRecord | undefined> {
  try {
    const record = JSON.parse(await readFile(recordPath(name, digest), 'utf8')) as ImageRecord;
    const whole = record.blobs.every((blob) => statSync(blobPath(blob.digest)).size === blob.size);
    return whole ? record : undefined;
  } catch {
    return undefined;
  }
}

/** Removes images that none of the sources makes any more, and blobs of no image. */
export async function sweep(current: ReadonlyMap<string, string>): Promise<void> {
  const folder = cache('images', 'records');
  if (!existsSync(folder)) return;
  const used = new Set<string>();
  for (const file of await readdir(folder)) {
    const [name, digest] = file.replace(/\.json$/, '').split('@');
    const record = current.get(name!) === digest ? await findImage(name!, digest!) : undefined;
    if (record === undefined) await rm(join(folder, file), { force: true });
    else for (const blob of record.blobs) used.add(blob.digest.replace('sha256:', ''));
  }
  const blobs = cache('images', 'blobs', 'sha256');
  for (const file of await readdir(blobs)) if (!used.has(file)) await rm(join(blobs, file), { force: true });
  for (const file of await readdir(cache('images'))) {
    if (file.startsWith('layer.part')) await rm(cache('images', file), { force: true });
  }
}
