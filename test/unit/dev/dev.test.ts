import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { compose, devPlan } from '../../../src/actions/dev.ts';
import { eventually } from '../../helpers/eventually.ts';
import { type Files, failure, workspace } from '../../helpers/workspace.ts';

const bin = join(import.meta.dirname, '..', '..', 'fixtures', 'compose');
const PRINT = `process.stdout.write(JSON.stringify({ env: process.env, cwd: process.cwd() }))`;
const COMPOSE = 'services: { app: { image: app } }\n';

interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

function begin(folder: string, args: string[], { docker = true, env = {} } = {}): ChildProcess {
  const PATH = [...(docker ? [bin] : []), dirname(process.execPath)].join(':');
  return spawn(process.execPath, [join(inject('program'), 'cli.js'), 'dev', ...args], {
    cwd: folder,
    env: { PATH, HOME: folder, CI: 'true', FAKE_DOCKER: folder, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function ended(child: ChildProcess): Promise<Result> {
  const text = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name]!.on('data', (chunk) => {
      text[name] += chunk;
    });
  const code = await new Promise<number>((resolve) => child.on('close', (exit) => resolve(exit ?? -1)));
  return { code, ...text };
}

const dev = (folder: string, args: string[], options = {}) => ended(begin(folder, args, options));

const flavour = (section: object, files: Files = {}) =>
  workspace({ 'flavour.yaml': JSON.stringify({ dev: section }), ...files });

/** What the fake docker was called with, without the question for its version. */
function calls(folder: string): Array<{ args: string[]; env: Record<string, string>; cwd: string }> {
  const lines = readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line)).filter(({ args }) => args[1] !== 'version');
}

describe('datamill dev start', { timeout: 120_000 }, () => {
  it('runs the command where the flavour is, with the variables of the section', async () => {
    const command = [process.execPath, '-e', PRINT];
    const folder = flavour(
      { command, env: { LEVEL: 3 }, vault: true, google: true },
      {
        '.vault-ca.pem': 'ca',
        '.vault-token': 's.top-secret\n',
        '.config/gcloud/application_default_credentials.json': '{}',
        'elsewhere/file': '',
      },
    );
    const { code, stdout, stderr } = await dev(
      join(folder, 'elsewhere'),
      ['start', '-f', '../flavour.yaml'],
      {
        env: { HOME: folder },
      },
    );
    expect([code, stderr]).toEqual([0, '']);
    const seen = JSON.parse(stdout);
    expect(seen.cwd).toBe(folder);
    expect(seen.env).toMatchObject({
      LEVEL: '3',
      VAULT_CACERT: join(folder, '.vault-ca.pem'),
      VAULT_TOKEN: 's.top-secret',
      GOOGLE_APPLICATION_CREDENTIALS: join(folder, '.config/gcloud/application_default_credentials.json'),
    });
  });

  it('leaves variables that are set already, and tells of files that are not there', async () => {
    const folder = flavour({ command: [process.execPath, '-e', PRINT], vault: true });
    const { code, stdout, stderr } = await dev(folder, ['start'], { env: { VAULT_TOKEN: 'mine' } });
    expect(code).toBe(0);
    expect(JSON.parse(stdout).env).toMatchObject({ VAULT_TOKEN: 'mine' });
    expect(JSON.parse(stdout).env).not.toHaveProperty('VAULT_CACERT');
    expect(stderr).toContain(`VAULT_CACERT is not passed: there is no ${folder}/.vault-ca.pem`);
  });

  it.each([
    ['a text for the shell', 'read nothing; echo "$0 $((1 + 1))"; exit 5', 5, '/bin/sh 2\n'],
    ['words for no shell', ['/bin/sh', '-c', 'echo "$1"; exit 6', 'sh', '$HOME *'], 6, '$HOME *\n'],
  ])('runs %s, and ends with its exit code', async (_how, command, wanted, output) => {
    const { code, stdout, stderr } = await dev(flavour({ command }), ['start']);
    expect([code, stdout, stderr]).toEqual([wanted, output, '']);
  });

  it('passes Ctrl-C on, and ends as the command does', async () => {
    const command = `trap 'echo bye; exit 9' INT; touch up; while :; do sleep 0.1; done`;
    const folder = flavour({ command });
    const child = begin(folder, ['start']);
    const result = ended(child);
    await eventually(async () => expect(existsSync(join(folder, 'up'))).toBe(true));
    child.kill('SIGINT');
    expect(await result).toEqual({ code: 9, stdout: 'bye\n', stderr: '' });
  });

  it('says what to write when it has nothing to run', async () => {
    const { code, stderr } = await dev(flavour({}), ['start']);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/NO_COMMAND.*npm run dev/s)]);
  });
});

describe('the section dev:', () => {
  const plan = (content: object) => {
    const folder = workspace({ 'flavour.yaml': JSON.stringify(content) });
    return devPlan({ flavours: [join(folder, 'flavour.yaml')], report: () => undefined });
  };

  it.each([
    ['is not there', {}, 'NO_DEV', /no section `dev:`/],
    ['has a word too many', { dev: { comand: 'x' } }, 'UNKNOWN_KEY', /comand/],
    ['has a port that is none', { dev: { ports: ['a'] } }, 'TUNNEL_PORT', /-p a/],
    ['has a name that is none', { dev: { name: 'A' } }, 'TUNNEL_NAME', /"A"/],
  ])('%s', (_what, content, code, message) => {
    expect(failure(() => plan(content))).toMatchObject({
      code,
      exitCode: 2,
      message: expect.stringMatching(message),
    });
  });

  it.each([
    ['no compose file', {}, /names no compose file/],
    ['one that is not there', { compose: 'x.yaml' }, /x\.yaml does not exist/],
  ])('has %s, which -c takes', async (_what, section, message) => {
    const started = compose(plan({ dev: section }), 'start', {});
    await expect(started).rejects.toMatchObject({
      code: 'NO_COMPOSE_FILE',
      exitCode: 2,
      message: expect.stringMatching(message),
    });
  });
});

describe('datamill dev start -c', { timeout: 120_000 }, () => {
  it('starts the containers with the variables, and stop -c stops them', async () => {
    const folder = flavour(
      { compose: 'docker-compose.yaml', env: { APP_LEVEL: 'debug' }, vault: { token: 'token' } },
      { 'docker-compose.yaml': COMPOSE, token: 's.top-secret', '.vault-ca.pem': 'ca' },
    );
    const file = join(folder, 'docker-compose.yaml');
    const started = await dev(folder, ['start', '-c', '--output', 'json']);
    expect([started.code, JSON.parse(started.stdout)]).toEqual([0, { schema: 1, started: file }]);
    expect(existsSync(join(folder, 'running'))).toBe(true);
    const stopped = await dev(folder, ['stop', '-c']);
    expect([stopped.code, stopped.stdout]).toEqual([0, `Stopped the containers of ${file}.\n`]);
    expect(existsSync(join(folder, 'running'))).toBe(false);
    const env = {
      APP_LEVEL: 'debug',
      VAULT_TOKEN: 's.top-secret',
      VAULT_CACERT: join(folder, '.vault-ca.pem'),
    };
    expect(calls(folder)).toEqual([
      { args: ['compose', '--file', file, 'up', '--detach', '--wait'], env, cwd: folder },
      { args: ['compose', '--file', file, 'down'], env, cwd: folder },
    ]);
    expect(JSON.stringify([started, stopped])).not.toContain('top-secret');
  });

  it('shows what compose says while it works, and how to stop it', async () => {
    const folder = flavour({ compose: 'app.yaml' }, { 'app.yaml': COMPOSE });
    const { code, stdout, stderr } = await dev(folder, ['start', '-c']);
    expect(code).toBe(0);
    expect(stderr).toContain('Container app  Started');
    expect(stdout).toMatch(/The containers of .*app\.yaml run; `.*dev stop -c` stops them\./);
  });

  it('says what compose says when it fails', async () => {
    const folder = flavour({ compose: 'app.yaml' }, { 'app.yaml': `${COMPOSE}# unhealthy\n` });
    const { code, stderr } = await dev(folder, ['start', '-c']);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/COMPOSE_FAILED.*container app is unhealthy/s)]);
  });

  it('says that there is no compose', async () => {
    const folder = flavour({ compose: 'app.yaml' }, { 'app.yaml': COMPOSE });
    const { code, stderr } = await dev(folder, ['start', '-c'], { docker: false });
    expect([code, stderr]).toEqual([3, expect.stringMatching(/NO_COMPOSE.*without containers/s)]);
  });

  it('stop without anything to stop says so', async () => {
    const { code, stdout } = await dev(flavour({ command: 'x' }), ['stop']);
    expect([code, stdout]).toEqual([0, 'There was nothing to stop.\n']);
  });
});
