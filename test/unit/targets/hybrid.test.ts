import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { TargetSpec } from '../../../src/targets/contract.ts';
import { driverFor } from '../../../src/targets/index.ts';

const io = { progress: () => {} };
const before = { kubeconfig: process.env.KUBECONFIG, home: process.env.HOME };
const hybrid = driverFor('hybrid');

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'datamill-hybrid-'));
  path = join(folder, 'config.yaml');
  await writeFile(
    path,
    `apiVersion: v1
kind: Config
current-context: office
contexts:
  - name: office
    context: { cluster: a, user: b }
  - { name: laboratory, context: { cluster: a, user: b } }
`,
  );
});

afterEach(async () => {
  process.env.HOME = before.home;
  if (before.kubeconfig === undefined) delete process.env.KUBECONFIG;
  else process.env.KUBECONFIG = before.kubeconfig;
  await rm(folder, { recursive: true });
});

function spec(more: Partial<TargetSpec>): TargetSpec {
  return { driver: 'hybrid', name: 'hybrid', storageClasses: [], settings: {}, ...more };
}

describe('an existing cluster', () => {
  it('is used through the context that is named, else the current one', async () => {
    const handle = { driver: 'hybrid', kubeconfig: path, context: 'laboratory', simulated: false };
    expect(await hybrid.up(spec({ config: path, context: 'laboratory' }), io)).toEqual(handle);
    expect(await hybrid.connect(spec({ config: path }))).toEqual({ ...handle, context: 'office' });
    expect(await hybrid.status(spec({ config: path }))).toBe('running');
    expect(await hybrid.plan(spec({ config: path }))).toEqual([]);
  });

  it('may stand in any of the files of KUBECONFIG, of which the first that says something counts', async () => {
    const second = join(folder, 'second.yaml');
    const third = join(folder, 'deep', 'third.yaml');
    await mkdir(join(folder, 'deep'));
    await writeFile(
      second,
      'current-context: cellar\ncontexts: [{ name: cellar, context: { cluster: c, user: d } }]\n',
    );
    await writeFile(
      third,
      `contexts: [{ name: office, context: { cluster: wrong } }]
clusters: [{ name: c, cluster: { server: 'https://c', certificate-authority: ca.pem } }]
users: [{ name: d, user: { tokenFile: /run/token, exec: { command: ./login } } }]
`,
    );
    process.env.XDG_STATE_HOME = join(folder, 'state');
    process.env.KUBECONFIG = [join(folder, 'none'), path, second, third].join(':');
    try {
      expect(await hybrid.connect(spec({}))).toMatchObject({ context: 'office', kubeconfig: path });
      const cellar = await hybrid.connect(spec({ context: 'cellar' }));
      expect(parse(await readFile(cellar.kubeconfig, 'utf8'))).toMatchObject({
        'current-context': 'cellar',
        contexts: [{ name: 'cellar', context: { cluster: 'c', user: 'd' } }],
        clusters: [{ cluster: { 'certificate-authority': join(folder, 'deep', 'ca.pem') } }],
        users: [{ user: { tokenFile: '/run/token', exec: { command: join(folder, 'deep', 'login') } } }],
      });
      expect((await stat(cellar.kubeconfig)).mode & 0o077).toBe(0);
      await expect(hybrid.connect(spec({ context: 'attic' }))).rejects.toMatchObject({
        hint: 'Its contexts are office, laboratory, cellar.',
      });
    } finally {
      delete process.env.XDG_STATE_HOME;
    }
  });

  it('is looked for where kubectl looks', async () => {
    process.env.KUBECONFIG = `${path}:/elsewhere`;
    expect((await hybrid.connect(spec({}))).kubeconfig).toBe(path);
    delete process.env.KUBECONFIG;
    process.env.HOME = folder;
    await mkdir(join(folder, '.kube'));
    await writeFile(join(folder, '.kube/config'), 'current-context: home\ncontexts: [{ name: home }]\n');
    expect(await hybrid.connect(spec({}))).toMatchObject({ context: 'home' });
  });

  it('has to have the context, and tells those there are', async () => {
    await expect(hybrid.connect(spec({ config: path, context: 'labratory' }))).rejects.toMatchObject({
      code: 'UNKNOWN_CONTEXT',
      exitCode: 4,
      message: expect.stringContaining(path),
      hint: 'Did you mean "laboratory"? Its contexts are office, laboratory.',
    });
    await writeFile(path, 'contexts: [{ name: one }]\n');
    await expect(hybrid.connect(spec({ config: path }))).rejects.toMatchObject({
      code: 'NO_CONTEXT',
      exitCode: 2,
      hint: expect.stringContaining('one'),
    });
  });

  it.each([
    ['is missing', undefined, 'NO_KUBECONFIG', 4],
    ['does not parse', 'contexts: [', 'INVALID_KUBECONFIG', 2],
    ['is no kubeconfig', 'just text', 'INVALID_KUBECONFIG', 2],
  ])('needs a kubeconfig: one that %s', async (_, text, code, exitCode) => {
    if (text === undefined) await rm(path);
    else await writeFile(path, text);
    await expect(hybrid.connect(spec({ config: path }))).rejects.toMatchObject({
      code,
      exitCode,
      message: expect.stringContaining(path),
    });
  });

  it('is not stopped or destroyed', async () => {
    expect(hybrid.ownsCluster).toBe(false);
    for (const verb of ['stop', 'destroy'] as const) {
      const refused = { code: 'NOT_OUR_CLUSTER', exitCode: 3, message: expect.stringContaining(verb) };
      await expect(hybrid[verb](spec({ config: path }), io)).rejects.toMatchObject(refused);
    }
  });
});

describe('drivers', () => {
  it('are found by name', () => {
    expect(driverFor('rehearsal')).toMatchObject({ name: 'rehearsal', simulated: true, ownsCluster: true });
    expect(hybrid.simulated).toBe(false);
  });

  it('that are not there yet are refused by name', () => {
    expect(() => driverFor('nomad')).toThrow(
      expect.objectContaining({
        code: 'NO_DRIVER',
        exitCode: 3,
        message: expect.stringContaining('nomad'),
        hint: expect.stringContaining('rehearsal, hybrid'),
      }),
    );
  });
});
