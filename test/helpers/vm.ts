import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import { parse, stringify } from 'yaml';
import { eventually } from './eventually.ts';

/** The port on the loopback of the "VM" at which its API server is, and nowhere else. */
const API_PORT = 16443;

/** What this machine lacks for a "VM". */
export function missingForVm(): string[] {
  const root = process.getuid?.() === 0 ? [] : ['root'];
  const programs = ['ip', 'ssh-keygen', 'ssh-agent'].filter(
    (name) => spawnSync('which', [name]).status !== 0,
  );
  return [...root, ...programs, ...(existsSync('/usr/sbin/sshd') ? [] : ['/usr/sbin/sshd (openssh-server)'])];
}

/**
 * A network namespace with an sshd, which stands for a machine of its own. Its kubeconfig names
 * 127.0.0.1 there, where the API server of the shared cluster can be reached from inside only.
 */
export interface Vm {
  folder: string;
  host: string;
  /** Path of its kubeconfig. */
  kubeconfig: string;
  /** A key that may log in, and the same with the passphrase "correct horse". */
  key: string;
  lockedKey: string;
  /** `SHA256:…` of its host key. */
  fingerprint: string;
  /** Ends the sshd and every session in it. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** A second sshd, on the loopback of the VM: it can only be reached by jumping over the first. */
  innerPort: number;
  remove(): Promise<void>;
}

export async function makeVm(): Promise<Vm> {
  const folder = await mkdtemp(join(tmpdir(), 'datamill-vm-'));
  const number = process.pid % 16384;
  const [net, name] = [
    `10.23${Math.floor(number / 8192)}.${Math.floor(number / 64) % 128}`,
    `dmvm${process.pid}`,
  ];
  const [outside, host] = [`${net}.${(number % 64) * 4 + 1}`, `${net}.${(number % 64) * 4 + 2}`];
  const ip = (...args: string[]) => void execFileSync('ip', args);
  ip('netns', 'add', name);
  ip('link', 'add', `${name}a`, 'type', 'veth', 'peer', 'name', `${name}b`, 'netns', name);
  ip('addr', 'add', `${outside}/30`, 'dev', `${name}a`);
  ip('link', 'set', `${name}a`, 'up');
  ip('-n', name, 'addr', 'add', `${host}/30`, 'dev', `${name}b`);
  ip('-n', name, 'link', 'set', `${name}b`, 'up');
  ip('-n', name, 'link', 'set', 'lo', 'up');
  makeKeys(folder);
  const socket = join(folder, 'api.sock');
  const bridge = await bridgeToApi(socket);
  const inside = (...command: string[]) =>
    spawn('ip', ['netns', 'exec', name, ...command], {
      stdio: ['ignore', 'ignore', 'inherit'],
      detached: true,
    });
  const relay = inside(process.execPath, '-e', RELAY, String(API_PORT), socket);
  const kubeconfig = join(folder, 'there.yaml');
  writeFileSync(kubeconfig, await movedKubeconfig(), { mode: 0o600 });
  mkdirSync('/run/sshd', { recursive: true });
  const innerPort = 2200;
  let daemons: ChildProcess[] = [];
  const start = async () => {
    daemons = [
      inside('/usr/sbin/sshd', '-D', '-e', '-f', join(folder, 'sshd.conf'), '-o', `ListenAddress=${host}:22`),
      inside(
        '/usr/sbin/sshd',
        '-D',
        '-e',
        '-f',
        join(folder, 'sshd.conf'),
        '-o',
        `ListenAddress=127.0.0.1:${innerPort}`,
      ),
    ];
    await eventually(async () => {
      if (!(await answers(host, 22))) throw new Error('the sshd of the VM does not answer');
    });
  };
  const stop = async () => {
    const ended = daemons.map((daemon) => new Promise((resolve) => daemon.once('exit', resolve)));
    // Sessions are processes of the namespace, too; the relay stays.
    const pids = execFileSync('ip', ['netns', 'pids', name], { encoding: 'utf8' }).trim().split('\n');
    for (const pid of pids) if (nameOf(pid).startsWith('sshd')) process.kill(Number(pid), 'SIGKILL');
    await Promise.all(ended);
  };
  await start();
  const fingerprint = execFileSync('ssh-keygen', ['-lf', join(folder, 'host.pub')], {
    encoding: 'utf8',
  }).split(' ')[1]!;
  return {
    folder,
    host,
    kubeconfig,
    key: join(folder, 'key'),
    lockedKey: join(folder, 'locked'),
    fingerprint,
    innerPort,
    start,
    stop,
    remove: async () => {
      await stop();
      relay.kill('SIGKILL');
      bridge.close();
      ip('netns', 'del', name);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** In the namespace: TCP on its loopback to a socket of the file system, which knows no namespaces. */
const RELAY = `
const net = require('node:net');
net.createServer((a) => {
  const b = net.connect(process.argv[2]);
  a.pipe(b).pipe(a);
  a.on('error', () => b.destroy());
  b.on('error', () => a.destroy());
}).listen(Number(process.argv[1]), '127.0.0.1');
`;

async function bridgeToApi(path: string): Promise<Server> {
  const { port, hostname } = new URL(await serverOf());
  const server = createServer((near) => {
    const far = connect({ host: hostname, port: Number(port) });
    near.pipe(far).pipe(near);
    near.on('error', () => far.destroy());
    far.on('error', () => near.destroy());
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return server;
}

async function sharedConfig() {
  const { kubeconfig, context } = inject('rehearsal');
  const config = parse(await readFile(kubeconfig, 'utf8'));
  const chosen = config.contexts.find((one: { name: string }) => one.name === context).context;
  return {
    config,
    context,
    cluster: config.clusters.find((one: { name: string }) => one.name === chosen.cluster).cluster,
  };
}

async function serverOf(): Promise<string> {
  return (await sharedConfig()).cluster.server;
}

/** The kubeconfig of the shared cluster as a machine of its own would have it; all is called default. */
async function movedKubeconfig(): Promise<string> {
  const { config, context, cluster } = await sharedConfig();
  cluster.server = `https://127.0.0.1:${API_PORT}`;
  return stringify({ ...config, 'current-context': context });
}

function makeKeys(folder: string): void {
  const make = (file: string, phrase: string) =>
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', phrase, '-C', 'test', '-f', join(folder, file)]);
  for (const name of ['key', 'host', 'other-host']) make(name, '');
  make('locked', 'correct horse');
  const allowed = ['key.pub', 'locked.pub'].map((name) => readFileSync(join(folder, name), 'utf8'));
  writeFileSync(join(folder, 'authorized_keys'), allowed.join(''), { mode: 0o600 });
  writeFileSync(
    join(folder, 'sshd.conf'),
    `HostKey ${join(folder, 'host')}
AuthorizedKeysFile ${join(folder, 'authorized_keys')}
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
PidFile none
MaxStartups 50
LogLevel ERROR
`,
  );
}

function nameOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}

export function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const settle = (fine: boolean) => {
      socket.destroy();
      resolve(fine);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
    socket.setTimeout(2000, () => settle(false));
  });
}

/** An agent that holds a key, for as long as `work` takes. */
export async function withAgent<T>(key: string, work: (socket: string) => Promise<T>): Promise<T> {
  const socket = `${key}.agent`;
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
  try {
    await eventually(async () => {
      if (!existsSync(socket)) throw new Error('the agent does not come up');
    });
    execFileSync('ssh-add', ['-q', key], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
    return await work(socket);
  } finally {
    agent.kill();
    rmSync(socket, { force: true });
  }
}
