import { existsSync } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { rehearsal } from '../../src/targets/rehearsal.ts';
import { pause } from '../../src/util/abort.ts';
import { exec } from '../../src/util/exec.ts';
import { eventually } from '../helpers/eventually.ts';
import {
  apply,
  expected,
  folders,
  io,
  kubectl,
  listeners,
  ownRehearsal,
  pod,
  processes,
  programs,
  read,
  said,
  spec,
} from '../helpers/rehearsal.ts';

describe.sequential('a rehearsal cluster', () => {
  ownRehearsal();

  it('is not there at first', async () => {
    expect(await rehearsal.status(spec)).toBe('absent');
    await expect(rehearsal.connect(spec)).rejects.toMatchObject({ code: 'TARGET_DOWN', exitCode: 4 });
    const plan = await rehearsal.plan(spec);
    expect(plan).toHaveLength(1);
    expect(plan[0]!.command.join(' ')).toMatch(
      /^env KWOK_WORKDIR=\S+ HOME=\S+ kwokctl --name \S+ .*create cluster/,
    );
    expect(existsSync(folders.root)).toBe(false);
  });

  it('is created, also by two processes at once, with a kubeconfig of its own', async () => {
    const [first, second] = await Promise.all([rehearsal.up(spec, io), rehearsal.up(spec, io)]);
    expect(first).toEqual(expected);
    expect(second).toEqual(expected);
    expect(said.filter((line) => line.startsWith('creating'))).toHaveLength(1);
    expect(await rehearsal.status(spec)).toBe('running');
    expect((await processes()).map((process) => process.name).sort()).toEqual(programs);
  });

  it('keeps its keys to itself and leaves the home folder alone', async () => {
    expect((await stat(expected.kubeconfig)).mode & 0o777).toBe(0o600);
    expect((await stat(folders.root)).mode & 0o777).toBe(0o700);
    const keys = join(folders.root, 'kwok/clusters', spec.name, 'pki');
    for (const file of await readdir(keys)) expect((await stat(join(keys, file))).mode & 0o077, file).toBe(0);
    expect(parse(await readFile(expected.kubeconfig, 'utf8'))['current-context']).toBe(expected.context);
    expect(await readdir(folders.home)).toEqual([]);
  });

  it('is left as it is by a second up, in less than 100 ms', async () => {
    const pids = await processes();
    const silent = said.length;
    const times: number[] = [];
    for (const _ of [1, 2, 3]) {
      const started = performance.now();
      expect(await rehearsal.up(spec, io)).toEqual(expected);
      times.push(performance.now() - started);
    }
    expect(Math.min(...times)).toBeLessThan(100);
    expect(await processes()).toEqual(pids);
    expect(said.slice(silent)).toEqual([]);
    expect(await rehearsal.plan(spec)).toEqual([]);
    expect(await rehearsal.connect(spec)).toEqual(expected);
  });

  it('listens on the loopback address only', async () => {
    const addresses = await listeners();
    expect(addresses.length).toBeGreaterThanOrEqual(6);
    for (const address of addresses) expect(address).toMatch(/^0100007F:/);
  });

  it('has Secrets sealed at rest', async () => {
    await kubectl('create', 'secret', 'generic', 'hidden', '--from-literal=key=in-clear-sight');
    await kubectl('create', 'configmap', 'shown', '--from-literal=key=plainly-visible');
    await eventually(async () => {
      const grep = async (text: string) =>
        (await exec('grep', ['-rac', text, join(folders.root, 'kwok/clusters', spec.name, 'etcd')])).exitCode;
      expect(await grep('plainly-visible')).toBe(0);
      expect(await grep('in-clear-sight')).toBe(1);
    });
    expect((await read('secret', 'hidden')).data.key).toBe(Buffer.from('in-clear-sight').toString('base64'));
  });

  it('keeps its objects when it is stopped and started', async () => {
    await rehearsal.stop(spec, io);
    expect(await processes()).toEqual([]);
    expect(await rehearsal.status(spec)).toBe('stopped');
    expect((await rehearsal.plan(spec))[0]!.command).toContain('start');
    await expect(rehearsal.connect(spec)).rejects.toMatchObject({ code: 'TARGET_DOWN', exitCode: 4 });

    // As after a reboot: the pids of the files belong to somebody else now.
    const pids = join(folders.root, 'kwok/clusters', spec.name, 'pids');
    await writeFile(join(pids, 'etcd.pid'), String(process.pid));
    expect(await rehearsal.up(spec, io)).toEqual(expected);
    expect(await rehearsal.status(spec)).toBe('running');
    expect((await read('secret', 'hidden')).data.key).toBe(Buffer.from('in-clear-sight').toString('base64'));
    expect((await listeners()).every((address) => address.startsWith('0100007F:'))).toBe(true);
    await apply(pod('restarted', {}));
    await eventually(async () => expect((await read('pod', 'restarted')).status.phase).toBe('Running'));
  });

  it('is mended when one of its programs has died', async () => {
    const victim = (await processes()).find((process) => process.name === 'kwok-controller')!;
    process.kill(Number(victim.pid), 'SIGKILL');
    await pause(100);
    expect(await rehearsal.status(spec)).toBe('stopped');
    await rehearsal.up(spec, io);
    await apply(pod('after', {}));
    await eventually(async () => expect((await read('pod', 'after')).status.phase).toBe('Running'));
  });

  it('says so when it cannot be what is asked for', async () => {
    const silent = said.length;
    await rehearsal.up({ ...spec, version: '1.30' }, io);
    expect(said.slice(silent).join()).toContain('not 1.30');
    const other = { ...spec, name: `${spec.name}-other`, version: '1.30' };
    await expect(rehearsal.up(other, io)).rejects.toMatchObject({ code: 'KUBERNETES_VERSION', exitCode: 3 });
    await expect(rehearsal.up({ ...spec, name: '../x' }, io)).rejects.toMatchObject({
      code: 'INVALID_NAME',
      exitCode: 2,
    });
  });

  it('leaves no process and no file when it is destroyed', async () => {
    await rehearsal.destroy(spec, io);
    expect(await processes()).toEqual([]);
    expect(await readdir(join(folders.state, 'datamill', 'rehearsal'))).toEqual([]);
    expect(await rehearsal.status(spec)).toBe('absent');
    expect(await readdir(folders.home)).toEqual([]);
    await rehearsal.destroy(spec, io);
  });
});
