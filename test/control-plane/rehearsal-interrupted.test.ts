import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { rehearsal } from '../../src/targets/rehearsal.ts';
import { eventually } from '../helpers/eventually.ts';
import { folders, io, kubectl, ownRehearsal, processes, programs, read, spec } from '../helpers/rehearsal.ts';

/** A program that makes a cluster, to be killed. */
async function bundle(): Promise<string> {
  const outfile = join(process.cwd(), 'node_modules', `.datamill-up-${process.pid}.mjs`);
  const contents = `import { rehearsal } from './src/targets/rehearsal.ts';
    await rehearsal.up(JSON.parse(process.argv[2]), { progress() {} });`;
  const banner = { js: "import{createRequire as r}from'node:module';const require=r(import.meta.url);" };
  const stdin = { contents, resolveDir: process.cwd(), loader: 'ts' as const };
  await build({ stdin, outfile, banner, bundle: true, platform: 'node', format: 'esm' });
  return outfile;
}

describe.sequential('a creation that is cut short', () => {
  ownRehearsal();

  it('leaves nothing behind when it is interrupted', async () => {
    const controller = new AbortController();
    const pending = rehearsal.up(spec, { ...io, signal: controller.signal });
    await eventually(async () => expect((await processes()).length).toBeGreaterThan(2));
    controller.abort();
    await expect(pending).rejects.toMatchObject({ code: 'INTERRUPTED', exitCode: 130 });
    expect(await processes()).toEqual([]);
    expect(existsSync(folders.root)).toBe(false);
  });

  it('is finished by the next up when it was killed in the middle', async () => {
    const program = await bundle();
    const child = spawn(process.execPath, [program, JSON.stringify(spec)], { stdio: 'ignore' });
    await eventually(async () => expect((await processes()).length).toBeGreaterThan(2));
    child.kill('SIGKILL');
    await once(child, 'exit');
    await rm(program);
    // kwokctl itself goes on when its parent is killed.
    await rehearsal.up(spec, io);
    expect((await processes()).map((process) => process.name).sort()).toEqual(programs);
    expect(await rehearsal.status(spec)).toBe('running');
    expect((await read('nodes')).items).toHaveLength(1);
  });

  it('is recognised by the next up when only the last step is missing', async () => {
    expect(await rehearsal.status(spec)).toBe('running');
    await rm(join(folders.root, 'cluster.json'));
    const pids = (await processes()).map((process) => process.pid);
    expect(await rehearsal.status(spec)).toBe('absent');
    await rehearsal.up(spec, io);
    const now = (await processes()).map((process) => process.pid);
    expect(now).toHaveLength(5);
    expect(now.filter((pid) => pids.includes(pid))).toEqual([]);
    expect(JSON.parse(await kubectl('get', 'nodes', '-o', 'json')).items).toHaveLength(1);
    await rehearsal.destroy(spec, io);
  });

  it('shows the log of the program that fails, and cleans up', async () => {
    const broken = join(folders.state, 'kube-apiserver');
    const body =
      'case "$1" in --version) echo Kubernetes v1.35.9;; *) echo "E1 bind: no luck today" >&2; exit 1;; esac';
    await writeFile(broken, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    process.env.DATAMILL_KUBE_APISERVER = broken;
    try {
      const controller = new AbortController();
      await expect(rehearsal.up(spec, { ...io, signal: controller.signal })).rejects.toMatchObject({
        code: 'REHEARSAL_FAILED',
        message: expect.stringMatching(/log of kube-apiserver:\n\s+E1 bind: no luck today/),
      });
    } finally {
      delete process.env.DATAMILL_KUBE_APISERVER;
    }
    expect(await processes()).toEqual([]);
    expect(existsSync(folders.root)).toBe(false);
  });
});
