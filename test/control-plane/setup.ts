import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import type { TargetIO, TargetSpec } from '../../src/targets/contract.ts';
import { rehearsal } from '../../src/targets/rehearsal.ts';
import { resolveTools } from '../../src/tools/index.ts';
import { exec } from '../../src/util/exec.ts';
import { isAlive } from '../../src/util/lock.ts';
import { packageRoot } from '../../src/util/paths.ts';

const PREFIX = 'datamill-state-';

/**
 * Bundles the program and brings up one rehearsal cluster for all files, in folders of their own,
 * and removes both at the end.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const state = await mkdtemp(join(tmpdir(), PREFIX));
  const name = `dmtest-${process.pid}`;
  const spec: TargetSpec = { driver: 'rehearsal', name, storageClasses: [], settings: {}, nodes: 2 };
  const cli = join(packageRoot, 'node_modules', `.${name}`);
  const io = { progress: (message: string) => void process.stderr.write(`[setup] ${message}\n`) };
  const teardown = () =>
    withState(state, async () => {
      await rehearsal.destroy(spec, io);
      await rm(state, { recursive: true, force: true });
      await rm(cli, { recursive: true, force: true });
    });
  try {
    await removeLeftovers(io);
    await bundle(cli);
    await resolveTools(['helm', 'kubectl'], { onProgress: io.progress });
    const handle = await withState(state, () => rehearsal.up(spec, io));
    project.provide('rehearsal', {
      name,
      kubeconfig: handle.kubeconfig,
      context: handle.context,
      state,
      cli,
    });
    return teardown;
  } catch (error) {
    await teardown();
    throw error;
  }
}

async function bundle(folder: string): Promise<void> {
  const { exitCode, stderr } = await exec(process.execPath, ['scripts/build.js', folder], {
    cwd: packageRoot,
  });
  if (exitCode !== 0) throw new Error(`the program cannot be bundled: ${stderr}`);
}

/** The workers keep the user's XDG_STATE_HOME; only the driver, here, sees the temporary one. */
async function withState<T>(state: string, body: () => Promise<T>): Promise<T> {
  const before = process.env.XDG_STATE_HOME;
  process.env.XDG_STATE_HOME = state;
  try {
    return await body();
  } finally {
    if (before === undefined) delete process.env.XDG_STATE_HOME;
    else process.env.XDG_STATE_HOME = before;
  }
}

/** Clusters of runs that were killed before they could remove them. */
async function removeLeftovers(io: TargetIO): Promise<void> {
  for (const entry of await readdir(tmpdir())) {
    if (!entry.startsWith(PREFIX)) continue;
    const state = join(tmpdir(), entry);
    const names = await readdir(join(state, 'datamill', 'rehearsal')).catch(() => []);
    const gone = names.filter((name) => /^dmtest-\d+$/.test(name) && !isAlive(Number(name.split('-')[1])));
    for (const name of gone) {
      await withState(state, () =>
        rehearsal.destroy({ driver: 'rehearsal', name, storageClasses: [], settings: {} }, io),
      );
      await rm(state, { recursive: true, force: true });
    }
  }
}
