// `datamill tunnel` beside OpenSSH's own `ssh -R` through `kubectl port-forward`: the same server
// image, the same laptop, in one run, in turns.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { interleaved, median, run } from './measure.js';
import { findTestbed } from './testbed.js';
import { DATAMILL, tools } from './tools.js';

const NAMESPACE = 'bench-tunnel';
const LARGE_MB = 500;
const ECHOES = 1000;
/** 0.8 of the peer's throughput, as a ratio of times. */
const LEAST_THROUGHPUT = 1.25;
const MOST_MORE_MS = 1;
const READY_WITHIN = 6;
const BLOCK = Buffer.alloc(1e6, 1);

const pod = (name, container, more = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: NAMESPACE, labels: { app: name } },
  spec: {
    terminationGracePeriodSeconds: 0,
    containers: [{ name: 'main', resources: { requests: { cpu: '10m', memory: '32Mi' } }, ...container }],
    ...more,
  },
});

/** What stands in the cluster for the peer: the same sshd, with the settings that it needs. */
function objects({ hostKey, clientKey }) {
  const config = [
    'Port 2222',
    'ListenAddress 127.0.0.1',
    'HostKey /etc/peer/host_key',
    'AuthorizedKeysFile /etc/peer/authorized_keys',
    'StrictModes no',
    'PidFile none',
    'AllowTcpForwarding remote',
    'GatewayPorts clientspecified',
  ];
  const stringData = {
    host_key: hostKey,
    authorized_keys: clientKey,
    sshd_config: `${config.join('\n')}\n`,
  };
  const sshd = {
    image: `ghcr.io/data-mill/tunnel:${process.env.npm_package_version}`,
    command: ['/usr/sbin/sshd', '-D', '-e', '-f', '/etc/peer/sshd_config'],
    volumeMounts: [{ name: 'peer', mountPath: '/etc/peer' }],
  };
  const python = { image: 'docker.io/library/debian:bookworm-python', command: ['sleep', '86400'] };
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'peer', namespace: NAMESPACE }, stringData },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'peer', namespace: NAMESPACE },
      spec: { selector: { app: 'peer' }, ports: [{ port: 8000 }] },
    },
    pod('peer', sshd, {
      securityContext: { runAsUser: 65532, runAsGroup: 65532, fsGroup: 65532 },
      volumes: [{ name: 'peer', secret: { secretName: 'peer', defaultMode: 0o440 } }],
    }),
    pod('caller', python),
  ];
}

/** Measured in the pod: seconds of a download and of an upload, milliseconds of a byte there and back. */
const CALLER = `import socket, sys, time
s = socket.create_connection((sys.argv[1], 8000)); s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
what, n, began = sys.argv[2], int(sys.argv[3]), time.time()
if what == "echo":
  s.sendall(b"E"); times = []
  for _ in range(n):
    t = time.perf_counter(); s.sendall(b"x"); s.recv(1); times.append(time.perf_counter() - t)
  print(sorted(times)[n // 2] * 1000)
elif what == "down":
  s.sendall(b"D"); size = 0
  while size < n * 1000000: size += len(s.recv(1 << 18))
  print(time.time() - began)
else:
  s.sendall(b"U"); block = b"x" * 1000000
  for _ in range(n): s.sendall(block)
  s.shutdown(socket.SHUT_WR); s.recv(1); print(time.time() - began)
`;

/** `D` sends without end, `U` takes to the end, `E` gives back. */
async function laptop() {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    socket.on('error', () => {});
    socket.once('data', (first) => {
      if (first[0] === 69) {
        socket.on('data', (chunk) => socket.write(chunk));
        if (first.length > 1) socket.write(first.subarray(1));
      } else if (first[0] === 85) socket.resume().on('end', () => socket.end('.'));
      else pipeline(Readable.from(endless()), socket, () => {});
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function* endless() {
  for (;;) yield BLOCK;
}

/** Throughput both ways, round trips, and how soon it is ready. */
export async function tunnel({ rounds }) {
  const testbed = await findTestbed(await tools({ peers: false }));
  const folder = await mkdtemp(join(tmpdir(), 'datamill-bench-'));
  const running = [];
  const server = await laptop();
  const close = async () => {
    for (const child of running) child.kill('SIGINT');
    server.close();
    await testbed.kube('', 'delete', 'namespace', NAMESPACE, '--ignore-not-found', '--wait=false');
    await rm(folder, { recursive: true, force: true });
  };
  const interrupted = () => void close().finally(() => process.exit(130));
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    const { port } = server.address();
    await startPeer(testbed, folder, port, running);
    const ours = await startOurs(testbed, port, running);
    const from = async (host, what, count) => {
      const args = [
        'exec',
        '-n',
        NAMESPACE,
        'caller',
        '--',
        'python3',
        '-c',
        CALLER,
        host,
        what,
        String(count),
      ];
      return Number((await testbed.kube('', ...args)).stdout);
    };
    const both = (what, count) => ({
      ours: () => from('ours', what, count),
      ssh: () => from('peer', what, count),
    });
    await medians(1, both('echo', 50));
    const echo = await medians(rounds, both('echo', ECHOES));
    const down = await medians(rounds, both('down', LARGE_MB));
    const up = await medians(rounds, both('up', LARGE_MB));
    const peer = '`ssh -R` over `kubectl port-forward`';
    const row = (what, { ours, ssh }, unit, limit) => ({ what, ours, peer, peers: ssh, unit, limit });
    return [
      row(`\`tunnel\`, a pod downloads ${LARGE_MB} MB`, down, 's', LEAST_THROUGHPUT),
      row(`\`tunnel\`, a pod uploads ${LARGE_MB} MB`, up, 's', LEAST_THROUGHPUT),
      row(
        '`tunnel`, a byte there and back',
        { ours: echo.ours / 1000, ssh: echo.ssh / 1000 },
        's',
        undefined,
      ),
      {
        what: 'the same, more than the peer',
        ours: (echo.ours - echo.ssh) / 1000,
        unit: 's',
        limit: MOST_MORE_MS / 1000,
      },
      { what: '`tunnel`, ready after', ours: ours.seconds, unit: 's', limit: READY_WITHIN },
      { what: '`tunnel`, peak memory', ours: await peak(ours.child.pid), unit: 'MB', limit: 150 },
    ];
  } finally {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
    await close();
  }
}

async function startPeer(testbed, folder, port, running) {
  for (const name of ['host', 'client'])
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)]);
  const hostKey = await readFile(join(folder, 'host'), 'utf8');
  const clientKey = await readFile(join(folder, 'client.pub'), 'utf8');
  const list = { apiVersion: 'v1', kind: 'List', items: objects({ hostKey, clientKey }) };
  await testbed.kube(JSON.stringify(list), 'apply', '-f', '-');
  await testbed.kube(
    '',
    'wait',
    '-n',
    NAMESPACE,
    'pod/peer',
    'pod/caller',
    '--for=condition=Ready',
    '--timeout=120s',
  );
  const args = ['--kubeconfig', testbed.kubeconfig, 'port-forward', '-n', NAMESPACE, 'pod/peer', ':2222'];
  const forward = spawn(testbed.kubectl, args);
  running.push(forward);
  const local = /127\.0\.0\.1:(\d+)/.exec(await until(forward, /127\.0\.0\.1:\d+.*\n/))[1];
  const options = [
    'StrictHostKeyChecking=no',
    `UserKnownHostsFile=${join(folder, 'known')}`,
    'ExitOnForwardFailure=yes',
  ];
  const ssh = spawn('ssh', [
    ...['-N', '-v', '-i', join(folder, 'client'), '-p', local],
    ...options.flatMap((option) => ['-o', option]),
    ...['-R', `0.0.0.0:8000:127.0.0.1:${port}`, 'tunnel@127.0.0.1'],
  ]);
  running.push(ssh);
  await until(ssh, /remote forward success/, 'stderr');
}

async function startOurs({ kubeconfig, context }, port, running) {
  const started = performance.now();
  const flags = ['-n', NAMESPACE, '--kubeconfig', kubeconfig, '--context', context, '--output', 'json'];
  const child = spawn(process.execPath, [
    DATAMILL,
    'tunnel',
    'ours',
    '-p',
    `8000:127.0.0.1:${port}`,
    ...flags,
  ]);
  running.push(child);
  await until(child, /"state":"ready"/);
  return { child, seconds: (performance.now() - started) / 1000 };
}

/** Settles when a program has written what fits, with all that it wrote. */
function until(child, pattern, stream = 'stdout') {
  return new Promise((resolve, reject) => {
    let text = '';
    child.on('error', reject);
    child.on('close', (code) => reject(new Error(`it ended with ${code}: ${text}`)));
    child[stream].on('data', (chunk) => {
      text += chunk;
      if (pattern.test(text)) resolve(text);
    });
  });
}

async function peak(pid) {
  return Number(/VmHWM:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
}

async function medians(rounds, runs) {
  const results = await interleaved(rounds, runs);
  return Object.fromEntries(Object.entries(results).map(([name, numbers]) => [name, median(numbers)]));
}
