import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { pipeline, Readable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { createSshServer, keyBytes, makeKey, openSsh, relay, type SshLink } from '../../../src/ssh/index.ts';

const host = makeKey();
const client = makeKey();
const open: Array<{ close(): unknown }> = [];

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

/** A port that nobody has, at this moment. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push({ close: () => server.close() });
  return (server.address() as AddressInfo).port;
}

async function serverFor(port: number): Promise<number> {
  const listen = [{ host: '127.0.0.1', port }];
  const log = () => undefined;
  const options = { hostKey: host.privateKey, clientKey: client.publicKey, user: 'tunnel', listen, log };
  return await listening(createSshServer(options));
}

async function dial(ssh: number, { hostKey = host, key = client } = {}): Promise<SshLink> {
  const stream = connect({ port: ssh, host: '127.0.0.1' });
  await once(stream, 'connect');
  const link = await openSsh({
    stream,
    user: 'tunnel',
    privateKey: key.privateKey,
    hostKey: keyBytes(hostKey.publicKey),
  });
  open.push({ close: () => link.close() });
  return link;
}

/** What a client gets that says something, ends its side, and reads to the end. */
async function ask(port: number, text: Buffer): Promise<Buffer> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.end(text);
  const parts: Buffer[] = [];
  for await (const part of socket) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

describe('an SSH link', () => {
  it('carries what comes in at the server, and ends each way by itself', async () => {
    const port = await freePort();
    const link = await dial(await serverFor(port));
    const answerer = createServer({ allowHalfOpen: true }, (socket: Socket) => {
      let size = 0;
      socket.on('data', (part: Buffer) => {
        size += part.length;
      });
      socket.on('end', () => socket.end(String(size).repeat(100_000)));
    });
    const local = await listening(answerer);
    link.onIncoming((incoming) => {
      expect(incoming.port).toBe(port);
      const socket = connect({ port: local, host: '127.0.0.1', allowHalfOpen: true });
      void relay(socket, incoming.accept(), { output: link.output, cut: () => link.lost });
    });
    await link.listen('127.0.0.1', port);
    const answer = await ask(port, Buffer.alloc(5_000_002));
    expect(answer.equals(Buffer.from('5000002'.repeat(100_000)))).toBe(true);
  });

  it('takes no more for a reader that sleeps than it can pass on, and serves others', async () => {
    const port = await freePort();
    const link = await dial(await serverFor(port));
    const sources: Socket[] = [];
    const local = await listening(
      createServer((socket) => {
        sources.push(socket);
        if (sources.length > 1) socket.end('quick');
        else pipeline(Readable.from(new Array(64).fill(Buffer.alloc(1 << 20))), socket, () => undefined);
      }),
    );
    link.onIncoming((incoming) => {
      const socket = connect({ port: local, host: '127.0.0.1', allowHalfOpen: true });
      void relay(socket, incoming.accept(), { output: link.output, cut: () => link.lost });
    });
    await link.listen('127.0.0.1', port);
    const sleeper = connect({ port, host: '127.0.0.1' });
    await expect.poll(() => sources[0]?.writableNeedDrain === true).toBe(true);

    expect((await ask(port, Buffer.of())).toString()).toBe('quick');
    expect(sources[0]!.bytesWritten).toBeLessThan(32 << 20);
    let size = 0;
    for await (const part of sleeper) size += (part as Buffer).length;
    expect(size).toBe(64 << 20);
  });

  it('says nothing to a server with another key', async () => {
    const ssh = await serverFor(1);
    await expect(dial(ssh, { hostKey: makeKey() })).rejects.toMatchObject({ code: 'HOST_KEY', exitCode: 4 });
  });

  it('is refused with another key of its own', async () => {
    const ssh = await serverFor(1);
    await expect(dial(ssh, { key: makeKey() })).rejects.toMatchObject({ code: 'SSH_AUTH', exitCode: 4 });
  });

  it('cannot listen elsewhere', async () => {
    const port = await freePort();
    const link = await dial(await serverFor(port));
    await expect(link.listen('0.0.0.0', port)).rejects.toMatchObject({ code: 'SSH_LISTEN' });
    await expect(link.listen('127.0.0.1', port + 1)).rejects.toMatchObject({ code: 'SSH_LISTEN' });
  });

  it('stops to listen, and begins again', async () => {
    const port = await freePort();
    const link = await dial(await serverFor(port));
    link.onIncoming((incoming) => incoming.accept().end('x'));
    await link.listen('127.0.0.1', port);
    await link.unlisten('127.0.0.1', port);
    await expect(ask(port, Buffer.alloc(1))).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await link.listen('127.0.0.1', port);
    expect((await ask(port, Buffer.alloc(1))).toString()).toBe('x');
  });

  it('resets those who connect when they are rejected', async () => {
    const port = await freePort();
    const link = await dial(await serverFor(port));
    link.onIncoming((incoming) => incoming.reject());
    await link.listen('127.0.0.1', port);
    await expect(ask(port, Buffer.alloc(1))).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  it('gives the port to the newest connection', async () => {
    const port = await freePort();
    const ssh = await serverFor(port);
    const first = await dial(ssh);
    await first.listen('127.0.0.1', port);
    const second = await dial(ssh);
    expect(await first.closed).toMatchObject({ code: 'SSH_LOST' });
    second.onIncoming((incoming) => incoming.accept().end('second'));
    await expect.poll(() => second.listen('127.0.0.1', port).then(() => true)).toBe(true);
    expect((await ask(port, Buffer.alloc(1))).toString()).toBe('second');
  });
});
