import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PodServer } from '../../../helpers/pod-server.ts';
import { SpdyPeer } from '../../../helpers/spdy-peer.ts';

let pods: PodServer;
let peers: SpdyPeer[];
/** Plays the pods, on each tunnel. */
let play: (peer: SpdyPeer) => void;

beforeEach(async () => {
  pods = await PodServer.open(['SPDY/3.1+portforward.k8s.io', 'v4.channel.k8s.io'], []);
  peers = [];
  play = (peer) => {
    peer.onData = (request, payload) => peer.data(request.data, `${payload}!`);
    peer.onEnd = (request) => peer.end(request);
  };
  pods.serve = (stream) => {
    const peer = new SpdyPeer(stream);
    peers.push(peer);
    play(peer);
  };
  pods.receiveWhole = (message, stream) => peers.find((peer) => peer.stream === stream)!.receive(message);
});

afterEach(async () => {
  expect(pods.faults).toEqual([]);
  expect(peers.flatMap(({ faults }) => faults)).toEqual([]);
  await pods.close();
});

const open = (port = 8080, pod = 'web-1') => pods.api.portForward('shop', pod, port);

async function read(stream: Duplex): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += chunk;
  return text;
}

async function ask(question: string, port?: number, pod?: string): Promise<string> {
  const connection = await open(port, pod);
  connection.end(question);
  return await read(connection);
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('it did not happen within 5 s');
    await turn();
  }
}

describe('a tunnel to a pod', () => {
  it('carries one connection after the other, to any port of the pod', async () => {
    for (const [index, port] of [8080, 8080, 9000].entries())
      expect(await ask(`question ${index}`, port)).toBe(`question ${index}!`);

    expect(peers.map(({ requests }) => requests)).toEqual([
      [
        { id: '0', port: '8080', error: 1, data: 3 },
        { id: '1', port: '8080', error: 5, data: 7 },
        { id: '2', port: '9000', error: 9, data: 11 },
      ],
    ]);
  });

  it('carries one at a time, so that none holds up another', async () => {
    const slow = await open();
    expect(await ask('quick')).toBe('quick!');
    slow.end('slow');

    expect(await read(slow)).toBe('slow!');
    expect(peers.map(({ requests }) => requests.length)).toEqual([1, 1]);
  });

  it('leads to one pod', async () => {
    await ask('a', 8080, 'web-1');
    await ask('b', 8080, 'web-2');

    expect(peers).toHaveLength(2);
  });

  it('carries much both ways', async () => {
    play = (peer) => {
      peer.onData = (request, payload) => peer.data(request.data, payload, { piece: 10_000 });
      peer.onEnd = (request) => peer.end(request);
    };
    const size = 4 * 1024 * 1024;
    const connection = await open();
    connection.end(Buffer.alloc(size, 'z'));

    expect((await read(connection)).length).toBe(size);
  });

  it('carries pieces that are written together as one', async () => {
    const frames: string[] = [];
    play = (peer) => {
      peer.onData = (request, payload) => {
        frames.push(String(payload));
        peer.data(request.data, 'heard');
      };
      peer.onEnd = (request) => peer.end(request);
    };
    const connection = await open();
    connection.cork();
    for (const piece of ['a', 'bc', 'def']) connection.write(piece);
    connection.end();

    expect(await read(connection)).toBe('heard');
    expect(frames).toEqual(['abcdef']);
  });

  it('carries a piece that is larger than a frame may be', async () => {
    let size = 0;
    play = (peer) => {
      peer.onData = (request, payload) => {
        size += payload.length;
        if (size > 1 << 24) peer.data(request.data, String(size));
      };
      peer.onEnd = (request) => peer.end(request);
    };
    const connection = await open();
    connection.end(Buffer.alloc((1 << 24) + 1));

    expect(await read(connection)).toBe(String((1 << 24) + 1));
  });

  it('says that nothing listens, and is not used again', async () => {
    play = (peer) => {
      peer.onOpen = (request) =>
        peer.end(
          request,
          'error forwarding port 8080: dial tcp4 127.0.0.1:8080: connect: connection refused',
        );
    };
    await expect(ask('a')).rejects.toMatchObject({ code: 'PORT_CLOSED' });
    await expect(ask('b')).rejects.toMatchObject({ code: 'PORT_CLOSED' });

    expect(peers).toHaveLength(2);
  });

  it('says that the pod is gone', async () => {
    play = (peer) => {
      peer.onOpen = (request) => peer.end(request, 'failed to find sandbox "0af": not found');
    };

    await expect(ask('a')).rejects.toMatchObject({ code: 'POD_GONE' });
  });

  it('tells a reset, and a cut, from an end', async () => {
    play = (peer) => {
      peer.onData = ({ data }, payload) => {
        peer.data(data, 'half');
        if (payload.toString() === 'cut') peer.stream.raw.resetAndDestroy();
        else peer.control(3, Buffer.of(0, 0, 0, data, 0, 0, 0, 5));
      };
    };

    await expect(ask('reset')).rejects.toMatchObject({ code: 'STREAM_LOST' });
    await expect(ask('cut')).rejects.toMatchObject({ code: 'STREAM_LOST' });
  });

  it('ends with a connection that was given up in the middle', async () => {
    let closed = 0;
    play = (peer) => {
      peer.onOpen = (request) => peer.data(request.data, 'first');
      peer.stream.socket.on('close', () => closed++);
    };
    const connection = await open();
    await once(connection, 'data');
    connection.destroy();
    await until(() => closed === 1);
  });

  it('answers pings, and takes no further connection when the other side leaves', async () => {
    let answered = false;
    play = (peer) => {
      peer.onData = (request, payload) => peer.data(request.data, `${payload}!`);
      peer.onEnd = (request) => {
        peer.control(6, Buffer.of(0, 0, 0, 2));
        peer.control(7, Buffer.alloc(8));
        peer.end(request);
      };
      peer.stream.socket.on('message', (message: Buffer) => {
        answered ||= message.equals(Buffer.of(0x80, 3, 0, 6, 0, 0, 0, 4, 0, 0, 0, 2));
      });
    };
    expect(await ask('one')).toBe('one!');
    expect(await ask('two')).toBe('two!');

    expect(answered).toBe(true);
    expect(peers).toHaveLength(2);
  });
});
