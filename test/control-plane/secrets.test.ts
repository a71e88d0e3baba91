import { chmod, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe } from 'vitest';
import { get, helmPath } from '../helpers/cluster.ts';
import { app, it } from '../helpers/project.ts';

/** Every file below a folder. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

describe.concurrent('secrets', () => {
  it('stand in no output, event, argument, environment or file', async ({ project, expect }) => {
    const log = join(project.folder, 'helm.log');
    // What a user of the machine could see of helm: its arguments and its environment.
    const wrapper = await project.write(
      'helm',
      `#!/bin/sh\n{ printf '%s\\n' "$0" "$@"; env; } >> '${log}'\nexec '${await helmPath()}' "$@"\n`,
    );
    await chmod(wrapper, 0o755);
    const folders = Object.fromEntries(
      ['XDG_CACHE_HOME', 'XDG_STATE_HOME', 'XDG_CONFIG_HOME', 'XDG_RUNTIME_DIR', 'TMPDIR', 'HOME'].map(
        (name) => [name, join(project.folder, 'home', name)],
      ),
    );
    for (const folder of Object.values(folders))
      await project.write(join(folder.slice(project.folder.length), '.keep'), '');
    const env = { ...folders, DATAMILL_HELM: wrapper };
    const secrets = { '{{release}}-auth': { user: { generate: 24 }, password: { generate: 40 } } };
    const named = { name: '{{release}}-auth', accessKey: 'user', secretKey: 'password' };
    const provides = { s3: { endpoint: 'http://x', host: 'x', port: 1, secret: named } };
    const from = { PASSWORD: { name: 'store-auth', key: 'password' } };
    const consumer = (values: Record<string, unknown>) =>
      app({
        needs: { store: 's3' },
        values: { secretEnv: from, ...values },
        hooks: { before: [{ name: 'login', image: 'x:1', command: ['true'], secret_env: from }] },
      });
    const write = (values: Record<string, unknown>) =>
      project.flavour(
        { store: app({ secrets, provides }), api: consumer(values) },
        { api: { setup_timeout: 20 } },
      );

    await write({});
    const elsewhere = project.another();
    const outputs: string[] = [];
    const run = async (...args: string[]) => {
      const result = await project.run(args, { env });
      outputs.push(result.stdout, result.stderr);
      return result;
    };
    expect((await run('up', '--output', 'json')).code).toBe(0);
    await write({ replicas: 2 });
    await run('plan', '--verbose');
    await run('up', '--verbose');
    await write({ podAnnotations: { 'datamill.io/simulate': 'crash-loop' } });
    expect((await run('up')).code).toBe(1);
    await run('status', '--output', 'json');
    await run('config', '--output', 'yaml');
    await run('history', 'api', '--output', 'json');
    expect((await run('secrets')).stdout).toMatch(/store-auth +password, user +store .*Deployment\/api/);
    await run('secrets', 'api', '--output', 'json');
    expect((await run('secrets', '--show', 'store-auth')).code).toBe(2);
    await run('render', join(project.folder, 'rendered'));
    await run('up', '-n', elsewhere, '--output', 'json');
    await run('down');

    const { data } = await get(project.namespace, 'secrets', 'store-auth');
    const encoded = Object.values(data as Record<string, string>);
    const hidden = [...encoded, ...encoded.map((value) => Buffer.from(value, 'base64').toString())];
    expect(hidden).toHaveLength(4);
    const calls = await readFile(log, 'utf8');
    expect(calls).toMatch(/^upgrade$/m);
    const files = await filesBelow(project.folder);
    expect(files.length).toBeGreaterThan(8);
    for (const needle of hidden) {
      expect(needle.length).toBeGreaterThanOrEqual(24);
      for (const output of outputs) expect(output.includes(needle)).toBe(false);
      expect(calls.includes(needle)).toBe(false);
      for (const file of files) expect((await readFile(file)).includes(needle), file).toBe(false);
    }
    // What the program itself left behind is for its owner only.
    for (const file of files.filter(
      (name) => name.startsWith(folders.XDG_STATE_HOME!) && !name.endsWith('.keep'),
    ))
      expect((await stat(file)).mode & 0o077, file).toBe(0);
  });
});
