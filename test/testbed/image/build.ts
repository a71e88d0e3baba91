import { existsSync } from 'node:fs';
import { copyFile, cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { program } from '../binaries.ts';
import { call, type Say } from '../call.ts';
import { cache, source } from '../layout.ts';
import { addImage, addLayer, type Descriptor, findImage, type ImageRecord } from './blobs.ts';
import { inChroot } from './chroot.ts';
import { rootfs } from './rootfs.ts';
import { runtimeLayers } from './runtime.ts';
import { folderOf, type ImageSpec, readSpec } from './spec.ts';

const VENV = '/opt/venv';
const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** As the Containerfiles of our own images have it. */
const TOOLBOX = { Env: [PATH.replace('=', `=${VENV}/bin:`), 'LANG=C.UTF-8'], Cmd: ['bash'] };

/** What a root file system has and an image does not need. */
const EXCLUDED = [
  './dev/*',
  './proc/*',
  './sys/*',
  './var/cache/*',
  './var/lib/apt/lists/*',
  './var/log/*',
  './usr/share/doc/*',
  './usr/share/info/*',
  './usr/share/locale/*',
  './usr/share/man/*',
];

interface Context {
  say: Say;
  signal?: AbortSignal;
}

const building = new Map<string, Promise<ImageRecord>>();

/** An image, made if need be of what its folder says, once for all who ask. */
export async function image(name: string, context: Context): Promise<ImageRecord> {
  const spec = await readSpec(name);
  const found = await findImage(name, spec.digest);
  if (found !== undefined) return found;
  const key = `${name}@${spec.digest}`;
  const made = building.get(key) ?? make(spec, context);
  building.set(key, made);
  return made.finally(() => building.delete(key));
}

async function make(spec: ImageSpec, context: Context): Promise<ImageRecord> {
  await mkdir(cache('work'), { recursive: true });
  const work = await mkdtemp(cache('work', `${spec.name}-`));
  try {
    return await makeIn(work, spec, context);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function makeIn(work: string, spec: ImageSpec, context: Context): Promise<ImageRecord> {
  const { content } = spec;
  if ('program' in content) {
    const path = join(work, content.program.path);
    await mkdir(dirname(path), { recursive: true });
    await copyFile(await program(content.program.name, context.say, context.signal), path);
    const layers = [await addLayer(work, ['.'])];
    return addImage(spec, layers, { Env: [PATH], Entrypoint: [content.program.path] });
  }
  if ('busybox' in content) {
    const base = await rootfs(content.busybox.from, context.say, context.signal);
    return addImage(spec, [await busyboxLayer(work, base)], { Env: [PATH], Cmd: ['sh'] });
  }
  if ('debootstrap' in content) {
    const base = await rootfs(spec.name, context.say, context.signal);
    return addImage(spec, [await addLayer(base, ['.'], EXCLUDED)], { Env: [PATH], Cmd: ['sh'] });
  }
  if ('runtime' in content) return addImage(spec, await runtimeLayers(work), { Env: [PATH] });
  if ('toolbox' in content) {
    const layers = await toolboxLayers(work, spec, context);
    return addImage(spec, layers, layers.length === 1 ? { Env: [PATH] } : TOOLBOX);
  }
  const { layers } = await image(content.venv.from, context);
  const own = await venvLayer(work, spec, content.venv, context);
  const env = [PATH.replace('=', `=${VENV}/bin:`), 'LANG=C.UTF-8', 'PYTHONUNBUFFERED=1'];
  return addImage(spec, [...layers, own], { Env: env, Cmd: ['python'] });
}

/** Busybox is one static program, which is every tool by whose name it is called. */
async function busyboxLayer(work: string, base: string): Promise<Descriptor> {
  for (const folder of ['bin', 'tmp', 'etc']) await mkdir(join(work, folder));
  const file = join(work, 'bin', 'busybox');
  await copyFile(join(base, 'bin', 'busybox'), file);
  for (const tool of (await call(file, ['--list'])).split('\n').filter(Boolean)) {
    if (tool !== 'busybox') await symlink('busybox', join(work, 'bin', tool));
  }
  return addLayer(work, ['bin', 'etc', 'tmp']);
}

/** A Debian with packages, and what setup.sh of the image makes of it; or only what it puts into /image. */
async function toolboxLayers(
  work: string,
  { name }: ImageSpec,
  { say, signal }: Context,
): Promise<Descriptor[]> {
  const base = await rootfs(name, say, signal);
  const since = performance.now();
  await mkdir(join(work, 'upper'), { recursive: true });
  await cp(folderOf(name), join(work, 'upper', 'build'), { recursive: true });
  await inChroot(base, work, ['sh', '/build/setup.sh'], signal);
  say(`set ${name} up in ${Math.round((performance.now() - since) / 1000)} s`);
  const alone = join(work, 'upper', 'image');
  if (existsSync(alone)) return [await addLayer(alone, ['.'])];
  return [
    await addLayer(base, ['.'], EXCLUDED),
    await addLayer(join(work, 'upper'), ['.'], [...EXCLUDED, './build', './tmp/*']),
  ];
}

/** The packages of a requirements file, each with its exact version, and nothing else. */
async function venvLayer(
  work: string,
  spec: ImageSpec,
  { from, requirements }: { from: string; requirements: string },
  { say, signal }: Context,
): Promise<Descriptor> {
  const base = await rootfs(from, say, signal);
  const since = performance.now();
  say(`installing the packages of ${spec.name}`);
  await mkdir(join(work, 'upper', 'opt'), { recursive: true });
  await copyFile(source('images', spec.name, requirements), join(work, 'upper', 'opt', 'requirements.txt'));
  const pip = `${VENV}/bin/pip install --quiet --no-cache-dir --no-deps --only-binary=:all:`;
  const script = `python3 -m venv ${VENV} && ${pip} -r /opt/requirements.txt && ${VENV}/bin/pip check`;
  await inChroot(base, work, ['sh', '-c', script], signal);
  say(`installed the packages of ${spec.name} in ${Math.round((performance.now() - since) / 1000)} s`);
  // Packages bring their own tests, a tenth of all; nobody runs them here.
  return addLayer(join(work, 'upper'), ['opt/venv'], ['*/site-packages/*/tests']);
}
