import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { inject } from 'vitest';
import type { CliEvent } from './cli.ts';
import { applyObjects, clusterFlags, kubectl } from './cluster.ts';

/** A running `datamill tunnel`, as its events tell of it. */
export interface RunningTunnel {
  pid: number;
  events: CliEvent[];
  stderr(): string;
  /** The first event from `from` on that fits; fails when the program ends before, or too late. */
  event(fits: (event: CliEvent) => boolean, options?: { from?: number; seconds?: number }): Promise<CliEvent>;
  /** The `ready` event number `attempt`. */
  ready(attempt?: number): Promise<CliEvent>;
  kill(signal: NodeJS.Signals): void;
  ended: Promise<number | NodeJS.Signals>;
  /** Interrupts it, and gives its exit code. */
  stop(): Promise<number | NodeJS.Signals>;
}

export interface TunnelStart {
  namespace: string;
  args?: readonly string[];
  /** The user of this machine, as the program sees it. */
  user?: string;
  flags?: readonly string[];
}

/** Starts the bundled program with `--output json`. */
export function startTunnel({ namespace, args = [], user = 'alice', flags }: TunnelStart): RunningTunnel {
  const env = { ...process.env, CI: 'true', KUBECONFIG: undefined, USER: user, LOGNAME: user };
  const cli = join(inject('rehearsal').cli, 'cli.js');
  const own = ['--output', 'json', '-n', namespace, ...(flags ?? clusterFlags())];
  const child = spawn(process.execPath, [cli, 'tunnel', ...own, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return follow(child);
}

function follow(child: ChildProcess): RunningTunnel {
  const events: CliEvent[] = [];
  const waiting = new Set<() => void>();
  let stderr = '';
  let over = false;
  child.stderr!.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  createInterface({ input: child.stdout! }).on('line', (line) => {
    if (line.startsWith('{')) events.push(JSON.parse(line) as CliEvent);
    for (const check of waiting) check();
  });
  const ended = new Promise<number | NodeJS.Signals>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      over = true;
      for (const check of waiting) check();
      resolve(code ?? signal!);
    });
  });
  const event: RunningTunnel['event'] = (fits, { from = 0, seconds = 120 } = {}) =>
    new Promise((resolve, reject) => {
      const done = () => {
        clearTimeout(timer);
        waiting.delete(check);
      };
      const fail = (why: string) => {
        done();
        reject(new Error(`${why}: ${JSON.stringify(events.slice(-8))} ${stderr}`));
      };
      const timer = setTimeout(() => fail(`no such event in ${seconds} s`), seconds * 1000);
      const check = () => {
        const found = events.slice(from).find(fits);
        if (found !== undefined) {
          done();
          resolve(found);
        } else if (over) fail('it ended');
      };
      waiting.add(check);
      check();
    });
  return {
    pid: child.pid!,
    events,
    stderr: () => stderr,
    event,
    ready: (attempt = 1) => event((one) => one.state === 'ready' && one.attempt === attempt),
    kill: (signal) => void child.kill(signal),
    ended,
    stop: () => {
      child.kill('SIGINT');
      return ended;
    },
  };
}

/** A namespace in which only pods of the level `restricted` may run. */
export async function restrictedNamespace(): Promise<string> {
  const name = `e2e-tunnel-${randomBytes(3).toString('hex')}`;
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  await applyObjects({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
  return name;
}

/** A pod with Python, from which tunnels are called. */
export async function pythonPod(namespace: string, name = 'caller'): Promise<void> {
  await applyObjects({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: {
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 0,
      securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'python',
          image: 'docker.io/library/debian:bookworm-python',
          command: ['sleep', '86400'],
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
          resources: { requests: { cpu: '10m', memory: '32Mi' } },
        },
      ],
    },
  });
  await kubectl('wait', '-n', namespace, `pod/${name}`, '--for=condition=Ready', '--timeout=120s');
}

/** What a Python program prints in the pod. */
export function inPython(namespace: string, program: string, ...args: string[]): Promise<string> {
  return kubectl('exec', '-n', namespace, 'caller', '--', 'python3', '-c', program, ...args);
}

/** Everything that a tunnel could have left, as `kind/name`. */
export async function tunnelObjects(namespace: string): Promise<string[]> {
  const kinds = 'jobs,deployments,replicasets,services,secrets,networkpolicies,pods';
  const out = await kubectl('get', kinds, '-n', namespace, '-l', 'datamill.io/tunnel', '-o', 'name');
  return out.split('\n').filter(Boolean).sort();
}
