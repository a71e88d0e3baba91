import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { packageRoot } from '../../../src/util/paths.ts';
import { call } from '../call.ts';
import { addLayer, type Descriptor } from './blobs.ts';

/** Where the Containerfile of images/datamill puts the package. */
const HOME = 'opt/datamill';
const PASSWD = 'root:x:0:0:root:/:/sbin/nologin\ndatamill:x:65532:65532:datamill:/:/sbin/nologin\n';

/** What the image holds beside the bundle, as the package does. */
async function packaged(): Promise<string[]> {
  const { files } = JSON.parse(await readFile(join(packageRoot, 'package.json'), 'utf8')) as {
    files: string[];
  };
  return files.filter((name) => name !== 'dist' && existsSync(join(packageRoot, name)));
}

/** Of everything that it is made of: Node, the sources, and what the package holds beside them. */
export async function runtimeDigest(): Promise<string> {
  const hash = createHash('sha256').update(process.version);
  for (const folder of ['src', 'package.json', 'package-lock.json', ...(await packaged())]) {
    for (const file of await filesOf(join(packageRoot, folder)))
      hash.update(file).update(await readFile(file));
  }
  return hash.digest('hex');
}

async function filesOf(path: string): Promise<string[]> {
  try {
    const entries = await readdir(path, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile());
    return files.map((entry) => join(entry.parentPath, entry.name)).sort();
  } catch {
    return [path];
  }
}

/** This machine's Node with its libraries, and the bundle: both run on the same kind of system. */
export async function runtimeLayers(work: string): Promise<Descriptor[]> {
  return [await nodeLayer(join(work, 'node')), await packageLayer(join(work, 'package'))];
}

async function nodeLayer(root: string): Promise<Descriptor> {
  const libraries = (await call('ldd', [process.execPath])).match(/\/\S+/g) ?? [];
  for (const file of libraries) {
    await mkdir(join(root, dirname(file)), { recursive: true });
    await copyFile(file, join(root, file));
  }
  await mkdir(join(root, 'usr/local/bin'), { recursive: true });
  await copyFile(process.execPath, join(root, 'usr/local/bin/node'));
  for (const folder of ['etc/ssl/certs', 'tmp']) await mkdir(join(root, folder), { recursive: true });
  await writeFile(join(root, 'etc/passwd'), PASSWD);
  return await addLayer(root, ['.']);
}

async function packageLayer(root: string): Promise<Descriptor> {
  const home = join(root, HOME);
  await mkdir(home, { recursive: true });
  await call(process.execPath, ['scripts/build.js', join(home, 'dist')], { cwd: packageRoot });
  for (const name of ['package.json', ...(await packaged())])
    await cp(join(packageRoot, name), join(home, name), { recursive: true });
  return await addLayer(root, ['opt']);
}
