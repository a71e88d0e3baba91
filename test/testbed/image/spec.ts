import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { ownImage } from '../../../src/util/image.ts';
import { packageRoot } from '../../../src/util/paths.ts';
import { digestOf, isProgram, type Program } from '../binaries.ts';
import { source } from '../layout.ts';
import { runtimeDigest } from './runtime.ts';

/** One of the kinds of images, which image.yaml says by its word. */
type Content =
  | { program: { name: Program; path: string } }
  | { busybox: { from: string } }
  | { debootstrap: { suite: string; packages: string[] } }
  | { venv: { from: string; requirements: string } }
  | { toolbox: { suite: string; packages: string[] } }
  | { runtime: { digest: string } };

/** test/testbed/images/NAME/image.yaml, or one of our own images: images/NAME/. */
export interface ImageSpec {
  name: string;
  /** The full name under which the runtime knows it. */
  image: string;
  content: Content;
  /** Digest of everything that it is made of: another one is another image. */
  digest: string;
}

/** Raised when the way in which images are made changes. */
const FORMAT = 1;

export async function imageNames(): Promise<string[]> {
  const ours = (await readdir(ownFolder())).filter(isOwn);
  const theirs = (await readdir(source('images'))).filter((name) =>
    existsSync(source('images', name, 'image.yaml')),
  );
  return [...theirs, ...ours];
}

/** Takes minutes to make, and few tests use it: made when it is asked for by name. */
const LARGE = ['app'];

/** The image that holds data-mill itself. */
const RUNTIME = 'datamill';

/** The images that the testbed has unless told otherwise: of the large ones those that were made before. */
export async function defaultImages(isMade: (spec: ImageSpec) => Promise<boolean>): Promise<string[]> {
  const names = await imageNames();
  const wanted = await Promise.all(
    names.map(async (name) => !LARGE.includes(name) || (await isMade(await readSpec(name)))),
  );
  return names.filter((_, index) => wanted[index]);
}

export async function readSpec(name: string): Promise<ImageSpec> {
  if (isOwn(name)) return readOwn(name);
  if (!existsSync(source('images', name, 'image.yaml'))) {
    throw new Error(`there is no image ${name}; there are ${(await imageNames()).join(', ')}`);
  }
  const { image, ...content } = parse(await readFile(source('images', name, 'image.yaml'), 'utf8'));
  return { name, image, content, digest: await digest(name, content) };
}

/** The folder of an image's files. */
export function folderOf(name: string): string {
  return isOwn(name) ? ownFolder(name) : source('images', name);
}

function ownFolder(...parts: string[]): string {
  return join(packageRoot, 'images', ...parts);
}

function isOwn(name: string): boolean {
  return existsSync(ownFolder(name, 'Containerfile'));
}

/** Our own images are made of the files that their Containerfile uses. */
async function readOwn(name: string): Promise<ImageSpec> {
  if (name === RUNTIME) {
    const content = { runtime: { digest: await runtimeDigest() } };
    return { name, image: ownImage(name), content, digest: await digest(name, content) };
  }
  const packages = (await readFile(ownFolder(name, 'packages.txt'), 'utf8')).split('\n').filter(Boolean);
  const content = { toolbox: { suite: 'bookworm', packages } };
  return { name, image: ownImage(name), content, digest: await digest(name, content) };
}

async function digest(name: string, content: Content): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([FORMAT, process.arch, name]));
  const folder = folderOf(name);
  for (const file of (await readdir(folder)).sort()) {
    hash.update(file).update(await readFile(join(folder, file)));
  }
  if ('program' in content) {
    if (!isProgram(content.program.name)) throw new Error(`${name}: no program ${content.program.name}`);
    hash.update(await digestOf(content.program.name));
  }
  if ('runtime' in content) hash.update(content.runtime.digest);
  const from = baseOf(content);
  if (from !== undefined) hash.update((await readSpec(from)).digest);
  return hash.digest('hex').slice(0, 16);
}

/** The image whose root file system is needed. */
function baseOf(content: Content): string | undefined {
  if ('busybox' in content) return content.busybox.from;
  return 'venv' in content ? content.venv.from : undefined;
}
