import { chmod, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findTool, listTools, resolveTools } from '../../../src/tools/index.ts';
import { cachedPath } from '../../../src/tools/table.ts';
import { script, temporaryFolder } from './helpers.ts';

let folder: string;
let before: string | undefined;

beforeEach(async () => {
  folder = await temporaryFolder();
  before = process.env.XDG_CACHE_HOME;
  process.env.XDG_CACHE_HOME = join(folder, 'cache');
});

afterEach(async () => {
  process.env.XDG_CACHE_HOME = before;
  if (before === undefined) delete process.env.XDG_CACHE_HOME;
  await rm(folder, { recursive: true });
});

async function helm(path: string, version: string): Promise<string> {
  return script(join(folder, path), `echo "$@" >> ${folder}/asked\necho ${version}+g123`);
}

async function asked(): Promise<string[]> {
  return (await readFile(join(folder, 'asked'), 'utf8')).trim().split('\n');
}

describe('where a tool is found', () => {
  it('takes the setting before PATH, and PATH before the cache', async () => {
    const setting = await helm('setting/helm', 'v4.1.0');
    const onPath = await helm('path/helm', 'v4.2.0');
    const cached = await helm('cache/datamill/tools/helm/4.3.1/helm', 'v4.3.1');
    const PATH = dirname(onPath);

    const first = await findTool('helm', { env: { PATH, DATAMILL_HELM: setting } });
    const second = await findTool('helm', { env: { PATH } });
    const third = await findTool('helm', { env: { PATH: '' } });

    expect(first).toEqual({ name: 'helm', path: setting, version: '4.1.0', source: 'setting' });
    expect(second).toEqual({ name: 'helm', path: onPath, version: '4.2.0', source: 'path' });
    expect(third).toEqual({ name: 'helm', path: cached, version: '4.3.1', source: 'cache' });
    expect(cached).toBe(cachedPath('helm', '4.3.1'));
  });

  it('passes over programs on PATH whose version is not accepted, or that do not run', async () => {
    const old = await helm('old/helm', 'v3.20.0');
    const broken = await script(join(folder, 'broken/helm'), 'exit 3');
    const good = await helm('good/helm', 'v4.0.2');
    const PATH = [old, broken, good].map((path) => dirname(path)).join(':');

    expect((await findTool('helm', { env: { PATH } }))?.path).toBe(good);
    expect(await findTool('helm', { env: { PATH: dirname(old) } })).toBeUndefined();
  });

  it('looks into KUBEBUILDER_ASSETS for what lies there, and only for Kubernetes tools', async () => {
    const assets = join(folder, 'assets');
    const etcd = await script(join(assets, 'etcd'), 'echo etcd Version: 3.6.4');
    await helm('assets/helm', 'v4.3.1');
    const env = { PATH: '', KUBEBUILDER_ASSETS: assets };

    expect(await findTool('etcd', { env })).toMatchObject({
      path: etcd,
      version: '3.6.4',
      source: 'setting',
    });
    expect(await findTool('kube-scheduler', { env })).toBeUndefined();
    expect(await findTool('helm', { env })).toBeUndefined();
  });

  it.each([
    ['a file that is not there', 'nowhere/helm', undefined, 'not an executable file'],
    ['an unacceptable version', 'three/helm', 'v3.19.1', 'is version 3.19.1'],
    ['a program that says no version', 'mute/helm', 'hello', 'does not say its version'],
  ])('refuses a setting that names %s with exit code 2', async (_, path, version, message) => {
    if (version !== undefined) await script(join(folder, path), `echo ${version}`);
    const env = { PATH: '', DATAMILL_HELM: join(folder, path) };

    await expect(resolveTools(['helm'], { env })).rejects.toMatchObject({
      code: 'TOOL_SETTING',
      exitCode: 2,
      message: expect.stringContaining(message),
    });
  });

  it('refuses a folder of assets that is not there', async () => {
    const env = { PATH: '', KUBEBUILDER_ASSETS: join(folder, 'none') };
    await expect(findTool('etcd', { env })).rejects.toMatchObject({ code: 'TOOL_SETTING', exitCode: 2 });
  });

  it('names the tools there are when asked for another', async () => {
    await expect(findTool('terraform')).rejects.toMatchObject({
      code: 'UNKNOWN_TOOL',
      exitCode: 2,
      hint: expect.stringContaining('kube-apiserver'),
    });
  });
});

describe('asking programs for their version', () => {
  it('asks once, until the file changes', async () => {
    const path = await helm('path/helm', 'v4.2.0');
    const env = { PATH: dirname(path) };
    await findTool('helm', { env });
    await findTool('helm', { env });
    expect(await asked()).toEqual(['version --short']);

    await helm('path/helm', 'v4.2.10');
    expect((await findTool('helm', { env }))?.version).toBe('4.2.10');
    expect(await asked()).toHaveLength(2);
  });

  it('asks every time what a version manager has linked to itself', async () => {
    const manager = await script(join(folder, 'manager'), `echo "v$(cat ${folder}/version)"`);
    const PATH = join(folder, 'shims');
    await mkdir(PATH);
    await symlink(manager, join(PATH, 'helm'));
    await symlink(manager, join(PATH, 'kubectl'));
    await writeFile(join(folder, 'version'), '4.2.0');
    expect((await findTool('helm', { env: { PATH: `${PATH}:/usr/bin:/bin` } }))?.version).toBe('4.2.0');
    await writeFile(join(folder, 'version'), '1.35.1');
    expect((await findTool('kubectl', { env: { PATH } }))?.version).toBe('1.35.1');
    expect(await findTool('helm', { env: { PATH } })).toBeUndefined();
  });

  it('survives a damaged file of known versions', async () => {
    const path = await helm('path/helm', 'v4.2.0');
    await mkdir(join(folder, 'cache/datamill'), { recursive: true });
    await writeFile(join(folder, 'cache/datamill/tool-versions.json'), '{"cut');
    expect((await findTool('helm', { env: { PATH: dirname(path) } }))?.version).toBe('4.2.0');
  });

  it('runs nothing that is in the cache, and needs only milliseconds', async () => {
    const names = (await listTools({ env: {} })).map((tool) => tool.name);
    for (const { name, wanted } of await listTools({ env: {} })) {
      await script(cachedPath(name, wanted), `touch ${folder}/ran`);
    }
    const started = performance.now();
    const tools = await resolveTools(names, { env: { PATH: '/usr/bin-none:/bin-none' } });
    expect(performance.now() - started).toBeLessThan(100);
    expect([...tools.values()].every((tool) => tool.source === 'cache')).toBe(true);
    await expect(readFile(join(folder, 'ran'))).rejects.toThrow('ENOENT');
  });

  it('does not take what may not be executed', async () => {
    const path = await script(cachedPath('helm', '4.3.1'), 'true');
    await chmod(path, 0o644);
    expect(await findTool('helm', { env: { PATH: '' } })).toBeUndefined();
  });
});
