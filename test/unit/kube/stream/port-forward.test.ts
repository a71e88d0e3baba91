import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PodServer, type PodStream } from '../../../helpers/pod-server.ts';

const PORT = 8080;
let pods: PodServer;

beforeEach(async () => {
  pods = await PodServer.open(['v4.channel.k8s.io'], [0]);
});
afterEach(async () => {
  expect(pods.faults).toEqual([]);
  await pods.close();
});

/** As the node does it: the port on both channels before anything else. */
async function begin(stream: PodStream): Promise<void> {
  const port = Buffer.alloc(2);
  port.writeUInt16LE(PORT);
  await stream.send(0, port);
  await stream.send(1, port);
}

const open = (signal?: AbortSignal) => pods.api.portForward('shop', 'web-1', PORT, { signal });

async function read(stream: Duplex): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += chunk;
  return text;
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('it did not happen within 5 s');
    await turn();
  }
}

describe('a connection to a port of a pod', () => {
  it('asks for the port, and carries bytes both ways without the framing', async () => {
    pods.serve = (stream) => void begin(stream);
    pods.receive = (_channel, payload, stream) => {
      void stream.send(0, payload.toString().toUpperCase()).then(() => stream.socket.close(1000));
    };
    const connection = await open();
    connection.write('hello');

    expect(await read(connection)).toBe('HELLO');
    expect(pods.requests.map(({ url }) => url)).toEqual([
      '/api/v1/namespaces/shop/pods/web-1/portforward?ports=8080',
    ]);
  });

  it('loses no message that comes with the answer to the upgrade', async () => {
    pods.serve = (stream) => {
      stream.raw.cork();
      void begin(stream);
      void stream.send(0, 'banner');
      stream.raw.uncork();
      stream.socket.close(1000);
    };

    expect(await read(await open())).toBe('banner');
  });

  it('reads no faster than it is read from', async () => {
    let sent = 0;
    pods.serve = async (stream) => {
      await begin(stream);
      const chunk = Buffer.alloc(64 * 1024, 'x');
      while (sent < 64 * 1024 * 1024) {
        await stream.send(0, chunk);
        sent += chunk.length;
      }
      stream.socket.close(1000);
    };
    const connection = await open();
    connection.once('readable', () => undefined);
    let before = -1;
    // The sender stands still when what lies between is full.
    while (sent !== before) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }

    expect(sent).toBeLessThan(32 * 1024 * 1024);
    let got = 0;
    for await (const chunk of connection) got += chunk.length;
    expect(got).toBe(64 * 1024 * 1024);
  });

  it('takes no more than the pod reads', async () => {
    pods.serve = (stream) => void begin(stream).then(() => stream.raw.pause());
    const connection = await open();
    await once(connection.resume(), 'resume');
    const chunk = Buffer.alloc(64 * 1024);
    let taken = 0;
    let waits = 0;
    while (taken < 64 * 1024 * 1024) {
      if (!connection.write(chunk)) {
        const drained = await Promise.race([
          once(connection, 'drain').then(() => true),
          new Promise<false>((resolve) => setTimeout(() => resolve(false), 500)),
        ]);
        if (!drained) break;
        waits++;
      }
      taken += chunk.length;
    }

    expect(waits).toBeGreaterThan(0);
    expect(taken).toBeLessThan(32 * 1024 * 1024);
    connection.destroy();
  });

  it('sends everything before it closes', async () => {
    const got: Buffer[] = [];
    let closed = false;
    pods.serve = (stream) => {
      void begin(stream);
      stream.socket.on('close', (code) => {
        closed = code === 1000;
      });
    };
    const size = 3 * 1024 * 1024;
    pods.receive = (_channel, payload, stream) => {
      got.push(payload);
      if (Buffer.concat(got).length === size) void stream.send(0, 'all');
    };
    const connection = await open();
    connection.end(Buffer.alloc(size, 'y'));
    expect(await read(connection)).toBe('all');
    await until(() => closed);
  });

  it('reads the answer that comes after its own end', async () => {
    pods.serve = (stream) => void begin(stream);
    pods.receive = (_channel, _payload, stream) => {
      setTimeout(() => void stream.send(0, 'late'), 300);
    };
    const connection = await open();
    connection.end('question');

    expect(await read(connection)).toBe('late');
  });

  it('says that nothing listens', async () => {
    pods.serve = (stream) =>
      void begin(stream).then(() =>
        stream.send(
          1,
          'failed to connect to localhost:8080: dial tcp4 127.0.0.1:8080: connect: connection refused',
        ),
      );
    const connection = await open();

    await expect(read(connection)).rejects.toMatchObject({
      code: 'PORT_CLOSED',
      message: 'nothing listens on port 8080 of pod shop/web-1',
    });
  });

  it('tells a cut from an end', async () => {
    pods.serve = (stream) =>
      void begin(stream)
        .then(() => stream.send(0, 'half'))
        .then(() => stream.raw.resetAndDestroy());
    const connection = await open();

    await expect(read(connection)).rejects.toMatchObject({ code: 'STREAM_LOST' });
  });

  it('closes when it is destroyed or its signal fires', async () => {
    const codes: number[] = [];
    pods.serve = (stream) => {
      void begin(stream);
      stream.socket.on('close', (code) => codes.push(code));
    };
    const controller = new AbortController();
    const [one, other] = [await open(), await open(controller.signal)];
    const failed = once(other, 'error');
    one.destroy();
    controller.abort();
    expect((await failed)[0]).toMatchObject({ code: 'INTERRUPTED' });
    await until(() => codes.length === 2);
  });

  it('names the right that is missing', async () => {
    const message = 'pods "web-1" is forbidden: User "eve" cannot create resource "pods/portforward"';
    pods.refuse = () => ({ status: 403, body: JSON.stringify({ message, reason: 'Forbidden' }) });

    await expect(open()).rejects.toMatchObject({
      code: 'KUBE_FORBIDDEN',
      message,
      hint: expect.stringContaining('create and get on pods/portforward in namespace shop'),
    });
  });

  it('says that the pod is gone', async () => {
    pods.refuse = () => ({
      status: 404,
      body: JSON.stringify({ message: 'pods "web-1" not found', reason: 'NotFound' }),
    });

    await expect(open()).rejects.toMatchObject({ code: 'POD_GONE' });
  });

  it('tries once more with a server that had just ended the connection, and no more', async () => {
    let resets = 0;
    pods.refuse = (request) => {
      resets++;
      request.socket.resetAndDestroy();
      return undefined;
    };

    await expect(open()).rejects.toMatchObject({ code: 'TARGET_UNREACHABLE', exitCode: 4 });
    expect(resets).toBe(2);
  });
});
