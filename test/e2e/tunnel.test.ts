import { createHash, randomBytes } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { run } from '../helpers/cli.ts';
import { clusterFlags, deleteNamespace, kubectl } from '../helpers/cluster.ts';
import { eventually } from '../helpers/eventually.ts';
import { inPython, pythonPod, restrictedNamespace, startTunnel, tunnelObjects } from '../helpers/tunnel.ts';

const { missing } = inject('testbed');

/** Answers with what it is told to, on the loopback address. */
async function laptop(
  body: Buffer,
): Promise<{ port: number; close(): Promise<void>; reopen(): Promise<void> }> {
  const server = http.createServer((_request, response) => response.end(body));
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  await listen(0);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
    reopen: () => listen(port),
  };
}

const FETCH = `import hashlib, sys, urllib.request
print(hashlib.sha256(urllib.request.urlopen(sys.argv[1], timeout=20).read()).hexdigest())`;
const CONNECT = `import socket, sys, time
began = time.time()
try:
  s = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=20); print("connected", s.recv(1))
except Exception as e: print(type(e).__name__)
print(time.time() - began < 2)`;

describe.skipIf(missing.length > 0)('a tunnel', () => {
  let namespace: string;
  const body = randomBytes(3_000_001);
  const sha = createHash('sha256').update(body).digest('hex');

  beforeAll(async () => {
    namespace = await restrictedNamespace();
    await pythonPod(namespace);
  });
  afterAll(() => deleteNamespace(namespace));

  it.each([
    ['with OpenSSH', []],
    ['with our runtime image', ['--image', 'datamill']],
    ['through a node', ['--transport', 'nodeport']],
  ])('lets a pod fetch the answer of this machine, byte for byte: %s', async (_how, args) => {
    const here = await laptop(body);
    const tunnel = startTunnel({ namespace, args: ['-p', `8000:${here.port}`, ...args] });
    try {
      const ready = await tunnel.ready();
      expect(ready).toMatchObject({
        service: `alice-tunnel.${namespace}.svc`,
        ports: [{ cluster: 8000, local: `localhost:${here.port}` }],
        hostKey: expect.stringMatching(/^SHA256:/),
        transport: args.includes('nodeport') ? 'nodeport' : 'api',
      });
      // The cluster's DNS may still know the address of the tunnel before this one.
      await eventually(async () =>
        expect((await inPython(namespace, FETCH, 'http://alice-tunnel:8000/')).trim()).toBe(sha),
      );
      const over = await tunnel.event(({ type }) => type === 'connection');
      expect(over).toMatchObject({ port: 8000, sent: expect.any(Number) });
      expect(over.sent).toBeGreaterThan(body.length);
    } finally {
      await tunnel.stop();
      await here.close();
    }
    expect(await tunnel.ended, tunnel.stderr()).toBe(130);
    expect(tunnel.events.at(-1)).toMatchObject({ type: 'summary', result: 'interrupted', connections: 1 });
    await eventually(async () => expect(await tunnelObjects(namespace)).toEqual([]));
  });

  it('refuses pods at once while nothing listens here, and lets them in when something does', async () => {
    const here = await laptop(body);
    const tunnel = startTunnel({ namespace, args: ['-p', `80:${here.port}`] });
    try {
      await tunnel.ready();
      await eventually(async () =>
        expect((await inPython(namespace, FETCH, 'http://alice-tunnel/')).trim()).toBe(sha),
      );
      await here.close();
      // The first one finds out.
      await inPython(namespace, CONNECT, 'alice-tunnel', '80');
      await tunnel.event(({ type, up }) => type === 'local' && up === false);
      expect(await inPython(namespace, CONNECT, 'alice-tunnel', '80')).toBe('ConnectionRefusedError\nTrue\n');
      const { length } = tunnel.events;
      await here.reopen();
      await tunnel.event(({ type, up }) => type === 'local' && up === true, { from: length });
      expect((await inPython(namespace, FETCH, 'http://alice-tunnel/')).trim()).toBe(sha);
    } finally {
      await tunnel.stop();
      await here.close();
    }
  });

  it('serves two users and two tunnels of one, each their own', async () => {
    const [one, two, three] = await Promise.all([
      laptop(Buffer.of(1)),
      laptop(Buffer.of(2)),
      laptop(Buffer.of(3)),
    ]);
    const tunnels = [
      startTunnel({ namespace, user: 'alice', args: ['-p', `8000:${one.port}`] }),
      startTunnel({ namespace, user: 'J.Doe', args: ['-p', `8000:${two.port}`] }),
      startTunnel({
        namespace,
        user: 'alice',
        args: ['api', '-p', `8000:${three.port}`, '-p', `9000:${one.port}`],
      }),
    ];
    const get = async (host: string, port = 8000) =>
      (await inPython(namespace, FETCH, `http://${host}:${port}/`)).trim();
    const hash = (byte: number) => createHash('sha256').update(Buffer.of(byte)).digest('hex');
    try {
      await Promise.all(tunnels.map((tunnel) => tunnel.ready()));
      await eventually(async () => expect(await get('alice-tunnel')).toBe(hash(1)));
      expect(await get('j-doe-tunnel')).toBe(hash(2));
      expect(await get('api')).toBe(hash(3));
      expect(await get('api', 9000)).toBe(hash(1));
      const list = await run(['tunnel', 'list', '-n', namespace, ...clusterFlags(), '--output', 'json'], {
        env: { USER: 'alice' },
      });
      expect(list.json.tunnels.map(({ name, mine, state }: never) => [name, mine, state])).toEqual([
        ['alice-tunnel', true, 'in use'],
        ['api', true, 'in use'],
        ['j-doe-tunnel', false, 'in use'],
      ]);
      // The end of one leaves the others alone.
      await tunnels[0]!.stop();
      expect(await get('j-doe-tunnel')).toBe(hash(2));
      expect(await get('api', 9000)).toBe(hash(1));
    } finally {
      await Promise.all(tunnels.map((tunnel) => tunnel.stop()));
      await Promise.all([one, two, three].map((server) => server.close()));
    }
    await eventually(async () => expect(await tunnelObjects(namespace)).toEqual([]));
  });

  it('lives as long as a command, and ends with its exit code', async () => {
    const here = await laptop(body);
    const script = `fetch(process.env.DATAMILL_TUNNEL_URL).catch(() => {
      process.stdout.write(process.env.DATAMILL_TUNNEL_URL + '\\n'); process.exit(7); })`;
    const flags = ['-n', namespace, ...clusterFlags(), '-p', String(here.port)];
    const result = await run(['tunnel', ...flags, '--', process.execPath, '-e', script], {
      env: { USER: 'alice' },
    });
    await here.close();
    expect(result.code, result.stderr).toBe(7);
    expect(result.stdout).toContain(`http://alice-tunnel.${namespace}.svc:${here.port}`);
    await eventually(async () => expect(await tunnelObjects(namespace)).toEqual([]));
  });

  it('says which image the cluster cannot get', async () => {
    const tunnel = startTunnel({ namespace, args: ['--image', 'registry.invalid/ssh:1'] });
    expect(await tunnel.ended).toBe(1);
    expect(tunnel.stderr()).toMatch(/TUNNEL_POD.*registry\.invalid\/ssh:1.*--image/);
    await eventually(async () => expect(await tunnelObjects(namespace)).toEqual([]));
  });

  it('does not touch what has its name and is not a tunnel', async () => {
    await kubectl('create', 'service', 'clusterip', 'taken', '-n', namespace, '--tcp=80');
    const tunnel = startTunnel({ namespace, args: ['taken', '--replace'] });
    expect(await tunnel.ended).toBe(3);
    expect(tunnel.stderr()).toMatch(/TUNNEL_NAME_TAKEN.*Service/);
    expect(await kubectl('get', 'service', 'taken', '-n', namespace, '-o', 'name')).toBe('service/taken\n');
    await eventually(async () => expect(await tunnelObjects(namespace)).toEqual([]));
  });
});
