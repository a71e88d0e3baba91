import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import type { TargetSpec } from '../../src/targets/contract.ts';
import { rehearsal } from '../../src/targets/rehearsal.ts';
import { resolveTools } from '../../src/tools/index.ts';

/** Brings up one rehearsal cluster for all files, in a state folder of its own, and removes it at the end. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const state = await mkdtemp(join(tmpdir(), 'datamill-state-'));
  const name = `dmtest-${process.pid}`;
  const spec: TargetSpec = { driver: 'rehearsal', name, storageClasses: [], settings: {}, nodes: 2 };
  const io = { progress: (message: string) => void process.stderr.write(`[setup] ${message}\n`) };
  const teardown = () =>
    withState(state, async () => {
      await rehearsal.destroy(spec, io);
      await rm(state, { recursive: true, force: true });
    });
  try {
    await resolveTools(['helm', 'kubectl'], { onProgress: io.progress });
    const handle = await withState(state, () => rehearsal.up(spec, io));
    project.provide('rehearsal', { name, kubeconfig: handle.kubeconfig, context: handle.context });
    return teardown;
  } catch (error) {
    await teardown();
    throw error;
  }
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
