import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { exec } from '../../src/util/exec.ts';
import { type CliResult, run } from '../helpers/cli.ts';
import { eventually } from '../helpers/eventually.ts';
import { start } from '../helpers/process.ts';
import { app, it, type Project } from '../helpers/project.ts';
import { answers, makeVm, missingForVm, type Vm, withAgent } from '../helpers/vm.ts';

const missing = missingForVm();

describe.skipIf(missing.length > 0)('a machine over SSH', { timeout: 300_000 }, () => {
  let vm: Vm;
  beforeAll(async () => {
    vm = await makeVm();
  });
  afterAll(() => vm?.remove());

  /** The flavour's target, and how the program is called: with a home that knows no machine. */
  async function target(project: Project, settings: Record<string, unknown>) {
    const remote = {
      provider: 'ssh',
      name: 'vm',
      host: vm.host,
      user: 'root',
      kubeconfig: vm.kubeconfig,
      ...settings,
    };
    await project.flavour({ api: app() }, { remote });
    const env = {
      HOME: project.folder,
      XDG_STATE_HOME: join(project.folder, 'state'),
      XDG_CACHE_HOME: process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'),
      SSH_AUTH_SOCK: undefined as string | undefined,
    };
    const options = { cwd: project.folder, env };
    return {
      env,
      call: (args: string[], more: Record<string, string> = {}): Promise<CliResult> =>
        run([args[0]!, '-f', 'flavour.yaml', ...args.slice(1)], { ...options, env: { ...env, ...more } }),
    };
  }

  it('has an API server that only it can reach', async () => {
    expect(parseServer(await readFile(vm.kubeconfig, 'utf8'))).toBe('https://127.0.0.1:16443');
    expect(await answers('127.0.0.1', 16443)).toBe(false);
    expect(await answers(vm.host, 16443)).toBe(false);
  });

  it('is installed on, looked at and cleared through it, and leaves no kubeconfig of a run', async ({
    project,
  }) => {
    const { call } = await target(project, { key: vm.key, host_key: vm.fingerprint });
    const up = await call(['up']);
    expect(up.code, up.stdout + up.stderr).toBe(0);
    const status = await call(['status', '--output', 'json']);
    expect(status.json.target).toMatchObject({ driver: 'ssh', context: 'ssh-vm', simulated: false });
    expect(status.json.components[0]).toMatchObject({ name: 'api', state: 'deployed', ready: true });
    const again = await call(['up']);
    expect(again.stdout).toContain('unchanged');
    const down = await call(['down', '--yes']);
    expect(down.code, down.stderr).toBe(0);
    const left = execFileSync('find', [join(project.folder, 'state'), '-name', 'run-*'], {
      encoding: 'utf8',
    });
    expect(left).toBe('');
    for (const verb of ['stop', 'destroy']) {
      const refused = await call([verb, '--yes']);
      expect(refused.code, refused.stderr).toBe(3);
      expect(refused.stderr).toContain('NOT_OUR_CLUSTER');
    }
  });

  it('that was never seen is shown, and believed only when that is said', async ({ project }) => {
    const { call } = await target(project, { key: vm.key });
    const unknown = await call(['status']);
    expect(unknown.code, unknown.stderr).toBe(4);
    expect(unknown.stderr).toContain('HOST_KEY_UNKNOWN');
    expect(unknown.stderr).toContain(vm.fingerprint);
    const accepted = await call(['status', '--accept-host-key']);
    expect(accepted.code, accepted.stderr).toBe(0);
    expect((await call(['status'])).code).toBe(0);
    const known = await readFile(join(project.folder, 'state/datamill/known_hosts'), 'utf8');
    expect(known.split('\n')).toHaveLength(2);
  });

  it('with another host key than it had is refused with exit code 4, whatever is said', async ({
    project,
  }) => {
    const other = (await readFile(join(vm.folder, 'other-host.pub'), 'utf8'))
      .split(' ')
      .slice(0, 2)
      .join(' ');
    const file = await project.write('known_hosts', `# ours\n${vm.host} ${other}\n`);
    const { call } = await target(project, { key: vm.key, known_hosts: file });
    for (const flags of [[], ['--accept-host-key'], ['--yes']]) {
      const refused = await call(['up', ...flags]);
      expect(refused.code).toBe(4);
      expect(refused.stderr).toContain('HOST_KEY');
      expect(refused.stderr).toContain(`${file}:2`);
    }
    const pinned = await target(project, { key: vm.key, host_key: `SHA256:${'A'.repeat(43)}` });
    expect((await pinned.call(['status'])).code).toBe(4);
    // As ssh-keygen -H writes it: the name is hashed.
    const right = (await readFile(join(vm.folder, 'host.pub'), 'utf8')).split(' ').slice(0, 2).join(' ');
    await writeFile(file, `${vm.host} ${right}\n`);
    execFileSync('ssh-keygen', ['-q', '-H', '-f', file]);
    expect(await readFile(file, 'utf8')).toMatch(/^\|1\|/);
    const hashed = await target(project, { key: vm.key, known_hosts: file });
    expect((await hashed.call(['status'])).code).toBe(0);
  });

  it('lets in by a key with a passphrase, an agent, and through a machine before it', async ({ project }) => {
    const locked = await target(project, { key: vm.lockedKey, host_key: vm.fingerprint });
    const closed = await locked.call(['status']);
    expect(closed.code, closed.stderr).toBe(4);
    expect(closed.stderr).toContain('SSH_PASSPHRASE');
    const opened = await locked.call(['status'], { DATAMILL_SSH_PASSPHRASE: 'correct horse' });
    expect(opened.code, opened.stderr).toBe(0);
    const agent = await target(project, { host_key: vm.fingerprint });
    const nothing = await agent.call(['status']);
    expect(nothing.stderr).toContain('SSH_AUTH');
    await withAgent(vm.key, async (socket) => {
      const status = await agent.call(['status'], { SSH_AUTH_SOCK: socket });
      expect(status.code, status.stderr).toBe(0);
    });
    const inner = { host: '127.0.0.1', port: vm.innerPort, jump: `root@${vm.host}:22` };
    const jump = await target(project, { ...inner, key: vm.key });
    const status = await jump.call(['status', '--accept-host-key']);
    expect(status.code, status.stderr).toBe(0);
  });

  it('that is not there, or has no cluster, is told with exit codes', async ({ project }) => {
    const nobody = await target(project, { key: vm.key, port: 1 });
    const gone = await nobody.call(['status']);
    expect(gone.code).toBe(4);
    expect(gone.stderr).toContain('SSH_UNREACHABLE');
    const bare = await target(project, { key: vm.key, host_key: vm.fingerprint, kubeconfig: '/nowhere' });
    const none = await bare.call(['up']);
    expect(none.code, none.stderr).toBe(3);
    expect(none.stderr).toContain('NO_CLUSTER');
  });

  it('whose sshd is killed in the middle of `up` and comes back: the run goes on', async ({ project }) => {
    const { call } = await target(project, { key: vm.key, host_key: vm.fingerprint });
    const running = call(['up', '--output', 'json']);
    await eventually(async () => expect(sessions(vm)).toBeGreaterThan(0));
    await vm.stop();
    await vm.start();
    const first = await running;
    if (first.code !== 0) expect(first.stderr + first.stdout).toMatch(/SSH|reached|lost/);
    const second = await call(['up']);
    expect(second.code, second.stdout + second.stderr).toBe(0);
    const status = await call(['status', '--output', 'json']);
    expect(status.json.components[0]).toMatchObject({ state: 'deployed', ready: true });
  });

  it('is held open by `connect`, at a port that stays the same', async ({ project }) => {
    const { env } = await target(project, { key: vm.key, host_key: vm.fingerprint });
    const ports: string[] = [];
    for (let time = 0; time < 2; time++) {
      const child = start(['connect', '-f', 'flavour.yaml'], { cwd: project.folder, env });
      try {
        await child.until((events) => events.some(({ type }) => type === 'connection'));
        const file = join(project.folder, 'state/datamill/targets/ssh/vm/kubeconfig.yaml');
        ports.push(parseServer(await readFile(file, 'utf8')));
        // The bridge to the API server is in this process: it must not stand still.
        const { stdout, stderr } = await exec('kubectl', ['--kubeconfig', file, 'get', '--raw', '/version']);
        expect(stdout, stderr).toMatch(/gitVersion/);
        expect(JSON.parse(stdout).gitVersion).toMatch(/^v1\./);
      } finally {
        child.kill('SIGINT');
        expect(await child.ended).toBe(0);
      }
    }
    expect(ports[0]).toBe(ports[1]);
  });
});

function parseServer(text: string): string {
  return /server: (\S+)/.exec(text)?.[1] ?? '';
}

/** Connections of the VM's sshd that stand now. */
function sessions(vm: Vm): number {
  const lines = execFileSync('ss', ['-tnH', 'dst', `${vm.host}:22`], { encoding: 'utf8' }).trim();
  return lines === '' ? 0 : lines.split('\n').length;
}
