import { once } from 'node:events';
import ssh2, { type Client } from 'ssh2';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { keyBytes, makeKey } from '../../src/ssh/index.ts';
import { claim } from '../../src/tunnel/anchor.ts';
import { imageName } from '../../src/tunnel/image.ts';
import { holding } from '../../src/tunnel/holder.ts';
import { tunnelLabels } from '../../src/tunnel/labels.ts';
import { type Keys, makeKeys, place } from '../../src/tunnel/place.ts';
import { runningPod } from '../../src/tunnel/pod.ts';
import { serverFiles } from '../../src/tunnel/sshd.ts';
import type { TunnelSpec } from '../../src/tunnel/types.ts';
import { api, applyObjects, deleteNamespace, kubectl } from '../helpers/cluster.ts';
import { eventually } from '../helpers/eventually.ts';
import { inPython, pythonPod, restrictedNamespace, startTunnel } from '../helpers/tunnel.ts';

const { missing } = inject('testbed');
const signal = new AbortController().signal;

/** A tunnel as the program makes it, but with keys that the test has: those of a thief. */
async function placed(namespace: string, image: string): Promise<{ pod: string; keys: Keys }> {
  const spec: TunnelSpec = {
    name: `stolen-${image}`,
    namespace,
    ports: [{ cluster: 8000, host: 'localhost', local: 1 }],
    transport: 'api',
    ttl: 600,
    image: imageName(image),
    from: [],
  };
  const of = { spec, labels: tunnelLabels(spec.name, `s-${image}`, 'thief'), annotations: holding() };
  const keys = makeKeys();
  await place(api(), of, await claim(api(), of, signal), keys, new Map(), signal);
  return { pod: await runningPod(api(), of, { signal, onMissing: async () => undefined }), keys };
}

async function login(namespace: string, pod: string, keys: Keys): Promise<Client> {
  const client = new ssh2.Client();
  client.on('error', () => undefined);
  const sock = await api().portForward(namespace, pod, 2222);
  client.connect({ sock: sock as never, username: 'tunnel', privateKey: keys.client.privateKey });
  await once(client, 'ready');
  return client;
}

/** `refused`, or what was got instead. */
function attempt(
  ask: (done: (error: Error | undefined | null, got?: unknown) => void) => void,
): Promise<string> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve('no answer'), 10_000);
    const done = (error: Error | undefined | null) => {
      clearTimeout(timer);
      resolve(error === undefined || error === null ? 'GRANTED' : 'refused');
    };
    try {
      ask(done);
    } catch (error) {
      done(error as Error);
    }
  });
}

describe.skipIf(missing.length > 0)('a tunnel, attacked', () => {
  let namespace: string;
  beforeAll(async () => {
    namespace = await restrictedNamespace();
    await pythonPod(namespace);
  });
  afterAll(() => deleteNamespace(namespace));

  describe.each(['tunnel', 'datamill'])('by somebody with its key (image %s)', (image) => {
    let pod: string;
    let keys: Keys;
    beforeAll(async () => {
      ({ pod, keys } = await placed(namespace, image));
    });

    const attacks: Record<string, (client: Client, done: (error?: Error | null) => void) => void> = {
      'a command': (client, done) => client.exec('id', done),
      'a shell': (client, done) => client.shell(done),
      'file transfer': (client, done) => client.sftp(done),
      'a subsystem': (client, done) => client.subsys('sftp', done),
      'the metadata service': (client, done) =>
        client.forwardOut('127.0.0.1', 1, '169.254.169.254', 80, done),
      'the API server': (client, done) =>
        client.forwardOut('127.0.0.1', 1, 'kubernetes.default.svc', 443, done),
      'its own loopback': (client, done) => client.forwardOut('127.0.0.1', 1, '127.0.0.1', 2222, done),
      'another port': (client, done) => client.forwardIn('0.0.0.0', 8001, done),
      'any port': (client, done) => client.forwardIn('0.0.0.0', 0, done),
      'all addresses': (client, done) => client.forwardIn('', 8000, done),
      'another address': (client, done) => client.forwardIn('127.0.0.1', 8000, done),
      'a socket file': (client, done) => client.openssh_forwardInStreamLocal('/tmp/socket', done),
      'a socket file outwards': (client, done) => client.openssh_forwardOutStreamLocal('/tmp/socket', done),
    };

    it.each(Object.keys(attacks))('refuses %s', async (name) => {
      const client = await eventually(() => login(namespace, pod, keys));
      try {
        expect(await attempt((done) => attacks[name]!(client, done))).toBe('refused');
      } finally {
        client.end();
      }
    });

    it('gives the port that it is for', async () => {
      const client = await eventually(() => login(namespace, pod, keys));
      client.on('tcp connection', (_details, accept) => accept().end('hello'));
      try {
        expect(await attempt((done) => client.forwardIn('0.0.0.0', 8000, done))).toBe('GRANTED');
        const program = `import socket, sys
print(socket.create_connection((sys.argv[1], 8000), timeout=10).recv(5).decode())`;
        expect(await inPython(namespace, program, `stolen-${image}`)).toBe('hello\n');
      } finally {
        client.end();
      }
    });

    it('lets nobody in with another key, or without one', async () => {
      const other = { ...keys, client: makeKey() };
      await expect(login(namespace, pod, other)).rejects.toThrow(/authentication methods failed/);
    });

    it('runs without rights, files of its own, or a token', async () => {
      const { spec } = JSON.parse(await kubectl('get', 'pod', pod, '-n', namespace, '-o', 'json'));
      expect(spec.automountServiceAccountToken).toBe(false);
      expect(
        spec.containers[0].volumeMounts.map(({ mountPath }: { mountPath: string }) => mountPath),
      ).toEqual(['/etc/datamill/tunnel', '/etc/passwd']);
      expect(spec.containers[0].securityContext).toMatchObject({
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
    });
  });

  it('sends nothing to an impostor, and ends with 4', async () => {
    const tunnel = startTunnel({ namespace });
    await tunnel.ready();
    // A pod as it was, but for the key of its server.
    const labels = 'datamill.io/tunnel=alice-tunnel';
    const secrets = await kubectl('get', 'secrets', '-n', namespace, '-l', labels, '-o', 'json');
    const [{ data }] = JSON.parse(secrets).items;
    const forged = { ...data, host_key: Buffer.from(makeKey().privateKey).toString('base64') };
    const metadata = { name: 'forged', namespace };
    await applyObjects({ apiVersion: 'v1', kind: 'Secret', metadata, data: forged });
    const volume = [
      { op: 'replace', path: '/spec/template/spec/volumes/0/secret/secretName', value: 'forged' },
    ];
    const patch = ['--type=json', '-p', JSON.stringify(volume)];
    await kubectl('patch', 'deployment', 'alice-tunnel', '-n', namespace, ...patch);
    const log = eventually(async () => {
      const text = await kubectl('logs', '-n', namespace, '-l', labels, '--tail=-1');
      expect(text).toMatch(/disconnect|closed|reset/i);
      return text;
    }).catch(() => '');
    expect(await tunnel.ended).toBe(4);
    expect(tunnel.stderr()).toMatch(/HOST_KEY.*SHA256:/);
    // It never came to the user's name, let alone to a login.
    expect(await log).not.toMatch(/Accepted|user tunnel/i);
  });

  it('gives the server no key that it does not need', () => {
    const { host, client } = makeKeys();
    const files = serverFiles({ hostKey: host, clientKey: client, listen: [], transport: 'api' });
    expect(JSON.stringify(files)).not.toContain(client.privateKey.split('\n')[2]);
    expect(keyBytes(client.publicKey)).toHaveLength(51);
  });
});
