import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { packageRoot } from '../../src/util/paths.ts';
import { run } from '../helpers/cli.ts';
import { clusterFlags, deleteNamespace } from '../helpers/cluster.ts';
import { eventually } from '../helpers/eventually.ts';
import { inPython, pythonPod, restrictedNamespace, startTunnel, tunnelObjects } from '../helpers/tunnel.ts';
import { tunnelUser } from '../helpers/tunnel-user.ts';

const { missing } = inject('testbed');

const FETCH = `import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1], timeout=20).read().decode())`;

describe.skipIf(missing.length > 0)('a tunnel of somebody', () => {
  let namespace: string;
  let folder: string;
  let server: http.Server;
  let port: number;

  beforeAll(async () => {
    namespace = await restrictedNamespace();
    folder = await mkdtemp(join(tmpdir(), 'datamill-test-'));
    server = http.createServer((_request, response) => response.end('from the laptop'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ({ port } = server.address() as AddressInfo);
    await pythonPod(namespace);
  });
  afterAll(async () => {
    server.close();
    await rm(folder, { recursive: true, force: true });
    await deleteNamespace(namespace);
  });

  const fetched = () =>
    eventually(async () => {
      expect(await inPython(namespace, FETCH, 'http://alice-tunnel:8000/')).toBe('from the laptop\n');
    });
  const nothingLeft = () => eventually(async () => expect(await tunnelObjects(namespace)).toEqual([]));

  it('takes the documented Role and no right besides', async () => {
    const file = join(folder, 'alice');
    await writeFile(file, await tunnelUser(namespace, 'alice'));
    const flags = ['--kubeconfig', file];
    const command = (...args: string[]) => run(['tunnel', ...args, ...flags], { env: { USER: 'alice' } });
    const tunnel = startTunnel({ namespace, flags, args: ['-p', `8000:${port}`] });
    try {
      await tunnel.ready();
      await fetched();
      const list = await command('list', '--output', 'json');
      expect(list.json.tunnels, list.stderr).toMatchObject([{ name: 'alice-tunnel', state: 'in use' }]);
    } finally {
      await tunnel.stop();
    }
    expect(await tunnel.ended, tunnel.stderr()).toBe(130);
    await nothingLeft();
    // What a killed program leaves can be removed with the same rights.
    for (const verb of [['gc'], ['down', 'alice-tunnel']]) {
      const killed = startTunnel({ namespace, flags, args: ['-p', `8000:${port}`] });
      await killed.ready();
      killed.kill('SIGKILL');
      await killed.ended;
      const removed = await command(...verb);
      expect([removed.code, removed.stdout], removed.stderr).toEqual([
        0,
        `Removed alice-tunnel from namespace ${namespace}.\n`,
      ]);
      await nothingLeft();
    }
  });

  it('names the verb that newer servers want, before it makes anything', async () => {
    const file = join(folder, 'bob');
    const without = { resource: 'pods/portforward', verb: 'create' };
    await writeFile(file, await tunnelUser(namespace, 'bob', without));
    const result = await run(['tunnel', '--kubeconfig', file]);
    expect([result.code, result.stderr]).toEqual([3, expect.stringMatching(/create pods\/portforward/)]);
    await nothingLeft();
  });

  it('is started with a command, and with containers, by `dev`', async () => {
    const state = await mkdtemp(join(folder, 'docker-'));
    const compose = join(folder, 'app.yaml');
    await writeFile(compose, 'services: { app: { image: app } }\n');
    const command = `echo up > "${state}/up"; read nothing; echo "$DATAMILL_TUNNEL_URL"; while [ ! -e "${state}/end" ]; do sleep 0.1; done; exit 7`;
    await writeFile(
      join(folder, 'flavour.yaml'),
      JSON.stringify({ dev: { compose: 'app.yaml', command, ports: [`8000:${port}`] } }),
    );
    const flags = ['-n', namespace, ...clusterFlags()];
    const docker = join(packageRoot, 'test', 'fixtures', 'compose');
    const env = { USER: 'alice', FAKE_DOCKER: state, PATH: `${docker}:${process.env.PATH}` };
    const dev = (...args: string[]) => run(['dev', ...args, ...flags], { cwd: folder, env });

    const program = dev('start');
    await fetched();
    await writeFile(join(state, 'end'), '');
    const { code, stdout, stderr } = await program;
    expect([code, stdout], stderr).toEqual([7, `http://alice-tunnel.${namespace}.svc:8000\n`]);
    await nothingLeft();

    const containers = dev('start', '-c');
    await fetched();
    // The other terminal ends both.
    const stopped = await dev('stop', '-c');
    expect([stopped.code, stopped.stdout], stopped.stderr).toEqual([
      0,
      `Stopped the tunnel alice-tunnel and the containers of ${compose}.\n`,
    ]);
    expect((await containers).code).toBe(143);
    const calls = (await readFile(join(state, 'calls'), 'utf8')).trim().split('\n');
    const words = calls.map((line) => JSON.parse(line).args.slice(3).join(' ')).filter(Boolean);
    expect(words.slice(0, 2)).toEqual(['up --detach --wait', 'down']);
    await nothingLeft();
  });
});
