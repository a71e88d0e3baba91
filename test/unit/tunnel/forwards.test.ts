import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createSshServer, keyBytes, makeKey, openSsh, type SshLink } from '../../../src/ssh/index.ts';
import { Forwards } from '../../../src/tunnel/forwards.ts';
import type { TunnelEvent } from '../../../src/tunnel/types.ts';

const open: Array<() => unknown> = [];

afterEach(async () => {
  vi.useRealTimers();
  for (const close of open.splice(0).reverse()) await close();
});

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** A link to a server that may listen on this port only. */
async function linkFor(port: number): Promise<SshLink> {
  const [host, client] = [makeKey(), makeKey()];
  const listen = [{ host: '127.0.0.1', port }];
  const settings = { hostKey: host.privateKey, clientKey: client.publicKey, user: 'tunnel', listen };
  const ssh = await listening(createSshServer({ ...settings, log: () => undefined }));
  const stream = connect({ port: ssh, host: '127.0.0.1' });
  await once(stream, 'connect');
  const hostKey = keyBytes(host.publicKey);
  const link = await openSsh({ stream, user: 'tunnel', privateKey: client.privateKey, hostKey });
  open.push(() => link.close());
  return link;
}

function forwards(link: SshLink, port: number, local: number) {
  const events: TunnelEvent[] = [];
  const { signal } = new AbortController();
  const ports = [{ cluster: port, host: '127.0.0.1', local }];
  const report = (event: TunnelEvent) => void events.push(event);
  return { events, forwards: new Forwards({ link, listenHost: '127.0.0.1', ports, signal, report }) };
}

describe('a port in the pod', () => {
  it('that somebody else holds is waited for, and given up with what to do', async () => {
    const holder = createServer();
    const port = await listening(holder);
    const { forwards: all } = forwards(await linkFor(port), port, port);
    const told: string[] = [];
    const opened = all.open((message) => {
      told.push(message);
      // The time that is waited for passes at once.
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60_000 });
    });
    await expect(opened).rejects.toMatchObject({
      code: 'TUNNEL_PORT_IN_USE',
      message: `port ${port} is in use in the pod, and stays so`,
    });
    expect(told[0]).toBe(`port ${port} is still held by an earlier connection; waiting for its end`);
  });

  it('is taken when its holder lets go of it', async () => {
    const holder = createServer();
    const port = await listening(holder);
    const local = await listening(createServer());
    const { forwards: all } = forwards(await linkFor(port), port, local);
    let waited = 0;
    await all.open(() => {
      if (waited++ === 0) holder.close();
    });
    expect(waited).toBeGreaterThan(0);
    const socket = connect({ port, host: '127.0.0.1' });
    await once(socket, 'connect');
    socket.destroy();
  });

  it('is closed while nothing listens here, and opened when something does', async () => {
    const free = createServer();
    const port = await listening(free);
    const down = createServer();
    const local = await listening(down);
    await Promise.all([free, down].map((server) => new Promise((resolve) => server.close(resolve))));
    const { forwards: all, events } = forwards(await linkFor(port), port, local);
    await all.open(() => undefined);
    await expect(once(connect({ port, host: '127.0.0.1' }), 'connect')).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    });
    down.listen(local, '127.0.0.1');
    open.push(() => down.close());
    await expect.poll(() => events.length).toBe(2);
    expect(events).toMatchObject([
      { type: 'local', port, local: `127.0.0.1:${local}`, up: false },
      { type: 'local', port, local: `127.0.0.1:${local}`, up: true, message: `127.0.0.1:${local} answers` },
    ]);
    const socket = connect({ port, host: '127.0.0.1' });
    await once(socket, 'connect');
    socket.destroy();
  });
});
