import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { programOf } from '../../src/tools/store.ts';
import { loadTable, moduleFolder } from '../../src/tools/table.ts';
import { throwIfAborted } from '../../src/util/abort.ts';
import { runGroup } from '../../src/util/group.ts';
import { packageRoot } from '../../src/util/paths.ts';
import type { Say } from './call.ts';
import { cache, source } from './layout.ts';
import { goEnvironment, patchedModule } from './patched.ts';

export type Program =
  | 'kubelet'
  | 'kube-proxy'
  | 'coredns'
  | 'local-path-provisioner'
  | 'minio'
  | 'workflow-controller'
  | 'argoexec'
  | 'pause';

const argo = 'github.com/argoproj/argo-workflows/v3';

interface GoProgram {
  module: string;
  package: string;
  /** A module that is built from a copy with the files of the folder `_patch` of our module. */
  patched?: string;
}

/** Programs of pinned Go modules that only the testbed needs. */
const programs: Record<Program, GoProgram> = {
  kubelet: { module: moduleFolder('kubernetes'), package: 'k8s.io/kubernetes/cmd/kubelet' },
  'kube-proxy': { module: moduleFolder('kubernetes'), package: 'k8s.io/kubernetes/cmd/kube-proxy' },
  coredns: { module: toolchain('coredns'), package: 'github.com/coredns/coredns' },
  'local-path-provisioner': {
    module: toolchain('local-path-provisioner'),
    package: 'github.com/rancher/local-path-provisioner',
  },
  minio: { module: toolchain('minio'), package: 'github.com/minio/minio' },
  'workflow-controller': {
    module: toolchain('argo'),
    package: `${argo}/cmd/workflow-controller`,
    patched: argo,
  },
  argoexec: { module: toolchain('argo'), package: `${argo}/cmd/argoexec`, patched: argo },
  pause: { module: source('pause'), package: 'datamill.io/test/pause' },
};

export function isProgram(name: string): name is Program {
  return name in programs;
}

function toolchain(name: string): string {
  return join(packageRoot, 'test', 'toolchain', name);
}

/** What says whether a program has to be built anew: its module's files and how it is built. */
export async function digestOf(name: Program): Promise<string> {
  const { module, package: path } = programs[name];
  const hash = createHash('sha256').update(JSON.stringify([path, process.arch, await ldflagsOf(name)]));
  const entries = await readdir(module, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.sort()) hash.update(await readFile(file));
  return hash.digest('hex').slice(0, 16);
}

/** Where a program is, built if need be: minutes when nothing of it was compiled before. */
export async function program(name: Program, say: Say, signal?: AbortSignal): Promise<string> {
  const file = join(cache('bin'), `${name}-${await digestOf(name)}`, name);
  if (existsSync(file)) return file;
  const since = performance.now();
  say(`building ${name}`);
  await compile(name, dirname(file), signal);
  say(`built ${name} in ${Math.round((performance.now() - since) / 1000)} s`);
  return file;
}

async function compile(name: Program, folder: string, signal?: AbortSignal): Promise<void> {
  await mkdir(cache('bin'), { recursive: true });
  for (const old of await readdir(cache('bin'))) {
    if (old.startsWith(`${name}-`)) await rm(cache('bin', old), { recursive: true, force: true });
  }
  const work = await mkdtemp(`${folder}.`);
  try {
    const { module, package: path, patched } = programs[name];
    const args = ['build', '-trimpath', '-mod=readonly', '-ldflags', await ldflagsOf(name), '-o', `${work}/`];
    if (patched !== undefined)
      args.push('-modfile', await patchedModule(module, patched, join(work, 'patched')));
    const env = goEnvironment;
    const result = await runGroup('go', [...args, path], { cwd: module, env, signal });
    throwIfAborted(signal);
    if (result.exitCode !== 0) throw new Error(`${name} cannot be built: ${result.stderr.slice(-2_000)}`);
    const made = programOf(path);
    await rm(join(work, 'patched'), { recursive: true, force: true });
    if (made !== name) await rename(join(work, made), join(work, name));
    await rename(work, folder);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function ldflagsOf(name: Program): Promise<string> {
  const { modules } = await loadTable();
  const shared = programs[name].module === moduleFolder('kubernetes') ? modules.kubernetes!.ldflags : [];
  return ['-s', '-w', ...shared].join(' ');
}
