import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { stringify } from 'yaml';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { packageRoot } from '../../src/util/paths.ts';
import { api, applyObjects, clusterFlags, deleteNamespace, kubectl } from '../helpers/cluster.ts';
import { eventually } from '../helpers/eventually.ts';
import { type Running, start } from '../helpers/process.ts';

const { missing } = inject('testbed');
const namespace = 'e2e-forward-test';
const LARGE = 200 * 1024 * 1024;

let folder: string;
let flavour: string;
const running: Array<Running | { kill(signal: NodeJS.Signals): void }> = [];

const labels = { app: 'web' };
const serve = `mkdir /www && cd /www && echo -n small > small &&
dd if=/dev/zero of=large bs=1M count=200 2>/dev/null && exec busybox httpd -f -p 8080 -h /www`;

function service(name: string, targetPort: string | number) {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: { selector: labels, ports: [{ name: 'http', port: 80, targetPort }] },
  };
}

const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace },
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
            ports: [{ name: 'http', containerPort: 8080 }],
            readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
            resources: { requests: { cpu: '20m', memory: '32Mi' } },
          },
        ],
      },
    },
  },
};

beforeAll(async () => {
  if (missing.length > 0) return;
  folder = await mkdtemp(join(tmpdir(), 'datamill-forward-'));
  flavour = join(folder, 'flavour.yaml');
  const link = (name: string) => ({ service: name, port: 80, path: '/small' });
  const text = stringify({
    project: { name: 'forward', k8s_namespace: namespace, flavour: '' },
    components: {
      web: { links: { dashboard: link('web') } },
      shut: { links: { ui: link('shut') } },
      absent: { links: { ui: link('absent') } },
      silent: { objects: [] },
    },
  });
  await writeFile(flavour, text);
  await applyObjects(
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    deployment,
    service('web', 'http'),
    service('shut', 9999),
  );
  await kubectl('rollout', 'status', '-n', namespace, 'deployment/web', '--timeout=120s');
});

afterEach(() => {
  for (const one of running.splice(0)) one.kill('SIGKILL');
});

afterAll(async () => {
  if (missing.length > 0) return;
  await deleteNamespace(namespace);
  await rm(folder, { recursive: true, force: true });
});

function flags(): string[] {
  return ['-f', flavour, ...clusterFlags()];
}

/** Starts a forward whose events are read, and waits until it listens. */
async function forward(...args: string[]): Promise<{ run: Running; port: number }> {
  const run = start(['forward', ...args, ...flags()]);
  running.push(run);
  await run.until((events) => events.some(({ type }) => (type as string) === 'listening'));
  const listening = run.events.find(({ type }) => (type as string) === 'listening');
  expect(listening, run.stderr()).toBeDefined();
  return { run, port: listening!.local };
}

function get(
  port: number,
  path = '/small',
  headers: http.OutgoingHttpHeaders = {},
): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    http.get({ host: '127.0.0.1', port, path, headers, agent: false }, resolve).on('error', reject);
  });
}

async function read(response: http.IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response) text += chunk;
  return text;
}

function resident(pid: number): number {
  return Number(/^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;
}

/** A command in a pseudo-terminal, in which Ctrl-C is typed when asked for. */
function inTerminal(...args: string[]) {
  const key = join(folder, `ctrl-c-${Math.random()}`);
  const helper = join(packageRoot, 'test/helpers/terminal.py');
  const program = [process.execPath, join(inject('rehearsal').cli, 'cli.js')];
  const env = {
    ...process.env,
    CI: undefined,
    DISPLAY: undefined,
    WAYLAND_DISPLAY: undefined,
    TERM: 'xterm',
  };
  const child: ChildProcess = spawn('python3', [helper, 'interrupt', key, ...program, ...args, ...flags()], {
    env: { ...env, BROWSER: undefined },
  });
  running.push(child as { kill(signal: NodeJS.Signals): void });
  let screen = '';
  child.stdout!.on('data', (chunk) => {
    screen += chunk;
  });
  const closed = once(child, 'close');
  return {
    shows: (pattern: RegExp) =>
      eventually(async () => {
        const found = pattern.exec(screen);
        expect(found, screen).not.toBeNull();
        return found!;
      }, 30),
    async interrupt() {
      await writeFile(key, '');
      const [code] = await closed;
      return { code, screen };
    },
  };
}

describe.skipIf(missing.length > 0)('forward, on real pods', () => {
  it('shows where the links are, and ends with Ctrl-C', async () => {
    const terminal = inTerminal('forward');
    const [, port] = await terminal.shows(/dashboard\s+http:\/\/127\.0\.0\.1:(\d+)\/small/);
    await terminal.shows(/until Ctrl-C/);
    expect(await read(await get(Number(port)))).toBe('small');
    const { code, screen } = await terminal.interrupt();

    expect(code).toBe(130);
    expect(screen).toMatch(/absent ui: there is no service absent.*up -c absent/);
    expect(screen).not.toMatch(/ {4}at |Error:/);
    await expect(get(Number(port))).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('goes on when the pod is replaced', async () => {
    const { run, port } = await forward('web');
    expect(await read(await get(port))).toBe('small');
    const before = (await kubectl('get', 'pods', '-n', namespace, '-o', 'name')).trim();
    await kubectl('delete', '-n', namespace, before, '--wait=false');
    await eventually(async () => {
      expect((await kubectl('get', 'pods', '-n', namespace, '-o', 'name')).trim()).not.toContain(before);
      expect(await read(await get(port))).toBe('small');
    });

    const name = before.replace('pod/', '');
    expect(run.events.filter(({ type }) => (type as string) === 'reconnected')).toMatchObject([
      { component: 'web', link: 'dashboard', message: expect.stringContaining(`took the place of ${name}`) },
    ]);
  });

  it('says when the local port is taken, and takes the next one', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const wanted = (other.address() as AddressInfo).port;
    const terminal = inTerminal('forward', 'web', '--port', String(wanted));
    await terminal.shows(new RegExp(`Port ${wanted} of this machine is not free: web dashboard is on \\d+`));
    const [, port] = await terminal.shows(/on (\d+)\./);

    expect(await read(await get(Number(port)))).toBe('small');
    expect((await terminal.interrupt()).code).toBe(130);
    other.close();
  });

  it('holds a slow reader up, and nobody else', async () => {
    const { run, port } = await forward('web');
    const slow = await get(port, '/large');
    slow.pause();
    let most = 0;
    for (let round = 0; round < 20; round++) {
      expect(await read(await get(port))).toBe('small');
      most = Math.max(most, resident(run.pid));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    let got = 0;
    for await (const chunk of slow) got += chunk.length;
    most = Math.max(most, resident(run.pid));

    expect(got).toBe(LARGE);
    expect(most).toBeLessThan(250);
    process.stderr.write(`[e2e] forward of ${LARGE / 2 ** 20} MiB: ${Math.round(most)} MB resident\n`);
  });

  it('ends the connection in the pod when the local program is gone', async () => {
    const { port } = await forward('web');
    const established = async () => {
      const pod = (await kubectl('get', 'pods', '-n', namespace, '-o', 'name')).trim();
      const table = await kubectl(
        'exec',
        '-n',
        namespace,
        pod,
        '--',
        'cat',
        '/proc/net/tcp',
        '/proc/net/tcp6',
      );
      // State 01 is ESTABLISHED; 1F90 is port 8080.
      return table.split('\n').filter((line) => /:1F90 [0-9A-F]+:[0-9A-F]{4} 01/.test(line)).length;
    };
    const socket = connect(port, '127.0.0.1');
    socket.write('GET /large HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(socket, 'data');
    expect(await established()).toBeGreaterThan(0);
    socket.resetAndDestroy();

    await eventually(async () => expect(await established()).toBe(0), 20);
  });

  it('resets a connection at once when nothing listens in the pod, and says so', async () => {
    const { run, port } = await forward('shut');
    const since = performance.now();

    await expect(get(port)).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(performance.now() - since).toBeLessThan(3000);
    await run.until((events) => events.some(({ type }) => (type as string) === 'refused'));
    expect(run.events.at(-1)).toMatchObject({
      type: 'refused',
      code: 'PORT_CLOSED',
      message: expect.stringMatching(/^nothing listens on port 9999 of pod e2e-forward-test\/web-/),
    });
  });

  it('answers 1,000 short connections, ten at a time, without an error', async () => {
    const { run, port } = await forward('web');
    let left = 1000;
    const worker = async () => {
      while (left-- > 0) expect(await read(await get(port))).toBe('small');
    };
    await Promise.all(Array.from({ length: 10 }, worker));

    expect(run.events.filter(({ type }) => (type as string) === 'refused')).toEqual([]);
    expect(resident(run.pid)).toBeLessThan(250);
  });

  it('names the rights that are missing', async () => {
    await applyObjects(
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'weak', namespace } },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'Role',
        metadata: { name: 'weak', namespace },
        rules: [{ apiGroups: [''], resources: ['pods', 'services'], verbs: ['get', 'list'] }],
      },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata: { name: 'weak', namespace },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'weak' },
        subjects: [{ kind: 'ServiceAccount', name: 'weak', namespace }],
      },
    );
    const token = (await kubectl('create', 'token', 'weak', '-n', namespace)).trim();
    const config = JSON.parse(
      await kubectl('config', 'view', '--raw', '--minify', '--flatten', '-o', 'json'),
    );
    config.users[0].user = { token };
    const weak = join(folder, 'weak.yaml');
    await writeFile(weak, stringify(config), { mode: 0o600 });
    const run = start([
      'forward',
      'web',
      '-f',
      flavour,
      '--kubeconfig',
      weak,
      '--context',
      inject('rehearsal').context,
    ]);

    expect(await run.ended).toBe(1);
    expect(run.stderr()).toContain(`get, create pods/portforward in ${namespace}`);
    expect(run.stderr()).not.toContain(token);
  });

  it('says that a component has no links', async () => {
    const run = start(['forward', 'silent', ...flags()]);

    expect(await run.ended).toBe(2);
    expect(run.stderr()).toContain('silent declares no links');
  });
});

describe.skipIf(missing.length > 0)('open and proxy, on real pods', () => {
  it('prints the address where there is no browser, and forwards', async () => {
    const terminal = inTerminal('open', 'web', '--port', '18099');
    const [, address] = await terminal.shows(/Open it yourself: http:\/\/127\.0\.0\.1:(\d+)\/small/);

    expect(await read(await get(Number(address)))).toBe('small');
    expect((await terminal.interrupt()).code).toBe(130);
  });

  it('serves the API and the dashboard, and no foreign page', async () => {
    const terminal = inTerminal('proxy', '--port', '18098');
    const [, port] = await terminal.shows(/The API of \S+: http:\/\/127\.0\.0\.1:(\d+)\//);
    const [, page] = await terminal.shows(/The dashboard of web: http:\/\/127\.0\.0\.1:\d+(\S+)/);
    expect(JSON.parse(await read(await get(Number(port), '/version'))).gitVersion).toMatch(/^v1\./);
    expect(await read(await get(Number(port), page))).toBe('small');
    const foreign = await get(Number(port), '/version', { host: 'evil.example' });
    expect(foreign.statusCode).toBe(403);
    await terminal.shows(/until Ctrl-C/);
    const { code, screen } = await terminal.interrupt();

    expect(code).toBe(130);
    expect(screen).not.toMatch(/Bearer|BEGIN|client-key/);
  });
});

describe.skipIf(missing.length > 0)('programs run in a container, on real pods', () => {
  const pod = async () =>
    (await kubectl('get', 'pods', '-n', namespace, '-o', 'name')).trim().replace('pod/', '');

  it('get input to its end, and give output, errors and the exit code back', async () => {
    const text: Record<string, string> = { out: '', err: '' };
    const into = (name: string) =>
      new Writable({
        write(chunk, _encoding, done) {
          text[name] += chunk;
          done();
        },
      });
    const code = await api().exec(namespace, await pod(), 'web', ['sh', '-c', 'cat; echo oops >&2; exit 7'], {
      stdin: Readable.from(['one ', 'two']),
      stdout: into('out'),
      stderr: into('err'),
    });

    expect({ code, ...text }).toEqual({ code: 7, out: 'one two', err: 'oops\n' });
  });

  it('say that they are not there', async () => {
    await expect(api().exec(namespace, await pod(), 'web', ['no-such-program'])).rejects.toMatchObject({
      code: 'EXEC',
      hint: 'the image of this container does not hold it',
    });
  });

  it('say that the pod is not there', async () => {
    await expect(api().exec(namespace, 'nobody', 'web', ['true'])).rejects.toMatchObject({
      code: 'POD_GONE',
    });
    await expect(api().portForward(namespace, 'nobody', 80)).rejects.toMatchObject({ code: 'POD_GONE' });
  });
});
