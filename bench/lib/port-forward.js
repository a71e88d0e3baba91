// `datamill forward` beside `kubectl port-forward`: the same pod, in one run, in turns.
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { interleaved, median, pool } from './measure.js';
import { findTestbed } from './testbed.js';
import { DATAMILL, tools } from './tools.js';

const NAMESPACE = 'bench-port-forward';
const LARGE_MIB = 200;
/** Connections whose first byte is timed for each round, and those that must all go well. */
const TIMED = 50;
const MANY = 1000;
const AT_ONCE = 10;
/** 0.9 of the peer's, as a ratio of times. */
const LEAST_THROUGHPUT = 1.11;

const serve = `mkdir /www && cd /www && echo -n x > small &&
dd if=/dev/zero of=large bs=1M count=${LARGE_MIB} 2>/dev/null && exec busybox httpd -f -p 8080 -h /www`;
const labels = { app: 'web' };
const objects = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: NAMESPACE },
    spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] },
  },
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: NAMESPACE },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [
            {
              name: 'web',
              image: 'docker.io/library/busybox:1.35.0',
              command: ['sh', '-c', serve],
              readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
              resources: { requests: { cpu: '20m', memory: '32Mi' } },
            },
          ],
        },
      },
    },
  },
];

/** Throughput, time to the first byte, and many short connections. */
export async function portForward({ rounds }) {
  const testbed = await findTestbed(await tools({ peers: false }));
  const folder = await mkdtemp(join(tmpdir(), 'datamill-bench-'));
  const running = [];
  const close = async () => {
    for (const child of running) child.kill('SIGINT');
    await testbed.kube('', 'delete', 'namespace', NAMESPACE, '--ignore-not-found', '--wait=false');
    await rm(folder, { recursive: true, force: true });
  };
  const interrupted = () => void close().finally(() => process.exit(130));
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    const list = { apiVersion: 'v1', kind: 'List', items: objects };
    await testbed.kube(JSON.stringify(list), 'apply', '-f', '-');
    await testbed.kube('', 'rollout', 'status', '-n', NAMESPACE, 'deployment/web', '--timeout=120s');
    const ours = await startOurs(testbed, folder, running);
    const kubectl = await startKubectl(testbed, running);
    for (const port of [ours, kubectl]) await each(20, () => get(port, '/small'));
    const both = (measure) => ({ ours: () => measure(ours), kubectl: () => measure(kubectl) });
    const large = await medians(rounds, both(download));
    // One after the other: what else the machine does meets both alike.
    const first = await medians(rounds * TIMED, both(firstByte));
    const many = { ours: await connections(ours), kubectl: await connections(kubectl) };
    const what = `\`forward\`, ${MANY} short connections, ${AT_ONCE} at a time`;
    const seconds = { ours: many.ours.seconds, kubectl: many.kubectl.seconds };
    return [
      row(`\`forward\`, ${LARGE_MIB} MiB`, large, 's', LEAST_THROUGHPUT),
      row('`forward`, first byte of a connection', first, 's', 1),
      row(what, seconds, 's', undefined),
      { what: `${what}: failed`, ours: many.ours.errors, unit: 'of them', limit: 0 },
    ];
  } finally {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
    await close();
  }
}

async function startOurs({ kubeconfig, context }, folder, running) {
  const flavour = join(folder, 'flavour.yaml');
  const components = { web: { links: { ui: { service: 'web', port: 80 } } } };
  const project = { name: 'bench', k8s_namespace: NAMESPACE, flavour: '' };
  await writeFile(flavour, JSON.stringify({ project, components }));
  const args = ['forward', 'web', '-f', flavour, '--kubeconfig', kubeconfig, '--context', context];
  const child = spawn(process.execPath, [DATAMILL, ...args, '--port', '18190', '--output', 'json']);
  running.push(child);
  const line = await until(child, /"type":"listening".*\n/);
  return JSON.parse(line).local;
}

async function startKubectl({ kubectl, kubeconfig }, running) {
  const args = ['--kubeconfig', kubeconfig, 'port-forward', '-n', NAMESPACE, 'service/web', ':80'];
  const child = spawn(kubectl, args);
  running.push(child);
  return Number(/127\.0\.0\.1:(\d+)/.exec(await until(child, /127\.0\.0\.1:\d+.*\n/))[1]);
}

/** What a program has written when a pattern is in it. */
function until(child, pattern) {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stderr.on('data', (chunk) => process.stderr.write(chunk));
    child.on('close', (code) => reject(new Error(`the forward ended with ${code}`)));
    child.stdout.on('data', (chunk) => {
      text += chunk;
      if (pattern.test(text)) resolve(text);
    });
  });
}

/** Seconds to the first byte and to the last one, of a connection of its own. */
function get(port, path) {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const since = () => (performance.now() - started) / 1000;
    const request = http.get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      const first = since();
      response.resume();
      response.once('end', () => resolve({ first, last: since() }));
      response.once('error', reject);
    });
    request.once('error', reject);
  });
}

async function download(port) {
  return (await get(port, '/large')).last;
}

async function firstByte(port) {
  return (await get(port, '/small')).first;
}

async function connections(port) {
  const started = performance.now();
  let errors = 0;
  const one = () => get(port, '/small').catch(() => errors++);
  await pool(
    AT_ONCE,
    Array.from({ length: MANY }, () => one),
  );
  return { seconds: (performance.now() - started) / 1000, errors };
}

async function each(count, task) {
  const results = [];
  for (let index = 0; index < count; index++) results.push(await task());
  return results;
}

async function medians(rounds, runs) {
  const results = await interleaved(rounds, runs);
  return Object.fromEntries(Object.entries(results).map(([name, numbers]) => [name, median(numbers)]));
}

function row(what, { ours, kubectl }, unit, limit) {
  return { what, ours, peer: 'kubectl port-forward', peers: kubectl, unit, limit };
}
