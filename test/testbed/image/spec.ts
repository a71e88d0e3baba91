import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { digestOf, isProgram, type Program } from '../binaries.ts';
import { source } from '../layout.ts';

/** One of the kinds of images, which image.yaml says by its word. */
type Content =
  | { program: { name: Program; path: string } }
  | { busybox: { from: string } }
  | { debootstrap: { suite: string; packages: string[] } }
  | { venv: { from: string; requirements: string } };

/** test/testbed/images/NAME/image.yaml. */
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
  return (await readdir(source('images'))).filter((name) => existsSync(source('images', name, 'image.yaml')));
}

export async function readSpec(name: string): Promise<ImageSpec> {
  if (!existsSync(source('images', name, 'image.yaml'))) {
    throw new Error(`there is no image ${name}; there are ${(await imageNames()).join(', ')}`);
  }
  const { image, ...content } = parse(await readFile(source('images', name, 'image.yaml'), 'utf8'));
  return { name, image, content, digest: await digest(name, content) };
}

async function digest(name: string, content: Content): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([FORMAT, process.arch, name]));
  for (const file of (await readdir(source('images', name))).sort()) {
    hash.update(file).update(await readFile(source('images', name, file)));
  }
  if ('program' in content) {
    if (!isProgram(content.program.name)) throw new Error(`${name}: no program ${content.program.name}`);
    hash.update(await digestOf(content.program.name));
  }
  const from = baseOf(content);
  if (from !== undefined) hash.update((await readSpec(from)).digest);
  return hash.digest('hex').slice(0, 16);
}

/** The image whose root file system is needed. */
function baseOf(content: Content): string | undefined {
  if ('busybox' in content) return content.busybox.from;
  return 'venv' in content ? content.venv.from : undefined;
}
