import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { resolveTools } from '../../src/tools/index.ts';
import { exec } from '../../src/util/exec.ts';
import { packageRoot } from '../../src/util/paths.ts';
import { down } from '../testbed/down.ts';
import { kubeconfig, nodeName } from '../testbed/layout.ts';
import { missingForTestbed } from '../testbed/preconditions.ts';
import { status } from '../testbed/status.ts';
import { difference, traces } from '../testbed/traces.ts';
import { up } from '../testbed/up.ts';

const say = (message: string) => void process.stderr.write(`[testbed] ${message}\n`);

/**
 * Brings the testbed up with all its images. One that was not up before is taken away at the end,
 * and must leave this machine as it was.
 */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const missing = missingForTestbed();
  const cli = join(packageRoot, 'node_modules', `.dme2e-${process.pid}`);
  project.provide('testbed', { missing });
  // Where the helpers of the control-plane tests look for their cluster.
  project.provide('rehearsal', {
    name: nodeName,
    kubeconfig: kubeconfig(),
    context: nodeName,
    state: '',
    cli,
  });
  if (missing.length > 0) {
    say(`the tests on real pods are skipped: this machine lacks ${missing.join(', ')}`);
    return undefined;
  }
  const wasUp = (await status()).up;
  const before = await traces();
  const teardown = async () => {
    await rm(cli, { recursive: true, force: true });
    if (wasUp) return;
    await down({ say });
    const left = difference(before, await traces());
    if (left.length === 0) return;
    // vitest only prints what a teardown throws.
    process.exitCode = 1;
    throw new Error(`the testbed left its traces:\n${left.join('\n')}`);
  };
  try {
    const since = performance.now();
    await Promise.all([bundle(cli), up({ say })]);
    await resolveTools(['helm', 'kubectl'], { onProgress: say });
    say(`up after ${Math.round((performance.now() - since) / 1000)} s`);
    return teardown;
  } catch (error) {
    await teardown();
    throw error;
  }
}

async function bundle(folder: string): Promise<void> {
  const args = ['scripts/build.js', folder];
  const { exitCode, stderr } = await exec(process.execPath, args, { cwd: packageRoot });
  if (exitCode !== 0) throw new Error(`the program cannot be bundled: ${stderr}`);
}
