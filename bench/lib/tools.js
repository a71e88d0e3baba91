// The programs that are measured: data-mill as it was built, helm as data-mill finds it, and
// helmfile, built once from its pinned Go module.
import { access, mkdir, rename } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './measure.js';

export const HELMFILE_VERSION = '1.8.0';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** `BENCH_DATAMILL` names another build, to compare the two. */
export const DATAMILL = process.env.BENCH_DATAMILL ?? join(ROOT, 'dist', 'cli.js');

/**
 * Paths of the tools; what is missing is made, which takes minutes the first time.
 *
 * @param peers whether helmfile is needed.
 */
export async function tools({ peers = true } = {}) {
  await access(DATAMILL).catch(() => {
    throw new Error('data-mill is not built: run `npm run build` first');
  });
  const path = async (name) => {
    await run(process.execPath, [DATAMILL, 'tools', 'install', name]);
    return (await run(process.execPath, [DATAMILL, 'tools', 'path', name])).stdout.trim();
  };
  const own = { helm: await path('helm'), kubectl: await path('kubectl') };
  return peers ? { ...own, helmfile: await helmfile() } : own;
}

async function helmfile() {
  const cache = process.env.XDG_CACHE_HOME?.startsWith('/')
    ? process.env.XDG_CACHE_HOME
    : join(homedir(), '.cache');
  const path = join(cache, 'datamill', 'bench', `helmfile-${HELMFILE_VERSION}`);
  const there = await access(path).then(
    () => true,
    () => false,
  );
  if (there) return path;
  process.stderr.write('building helmfile from its Go module (once, some minutes)\n');
  await mkdir(dirname(path), { recursive: true });
  const work = `${path}.${process.pid}`;
  const ldflags = `-s -w -X go.szostok.io/version.version=v${HELMFILE_VERSION}`;
  const args = ['build', '-trimpath', '-mod=readonly', '-ldflags', ldflags, '-o', work];
  await run('go', [...args, 'github.com/helmfile/helmfile'], {
    cwd: join(ROOT, 'bench', 'toolchain', 'helmfile'),
    env: { CGO_ENABLED: '0', GOWORK: 'off' },
  });
  await rename(work, path);
  return path;
}
