import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isFinal } from '../../../src/tunnel/errors.ts';
import { dialNodes } from '../../../src/tunnel/node-port.ts';
import { PodServer } from '../../helpers/pod-server.ts';

let pods: PodServer;
let server: Server;

beforeEach(async () => {
  pods = await PodServer.open([], []);
  server = createServer((socket) => socket.end('here'));
});
afterEach(async () => {
  await pods.close();
  server.close();
});

function nodes(...all: Array<{ ready: boolean; address: string }>): void {
  const items = all.map(({ ready, address }, index) => ({
    metadata: { name: `node-${index}` },
    status: {
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'Unknown' }],
      addresses: [{ type: 'InternalIP', address }],
    },
  }));
  pods.objects.set('/api/v1/nodes', { items });
}

async function listen(port = 0): Promise<number> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** A port at which nobody listens, at this moment. */
async function freePort(): Promise<number> {
  const port = await listen();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

interface Options {
  patience?: number;
  signal?: AbortSignal;
  whenRefused?(): unknown;
}

async function dial(port: number, { whenRefused, ...options }: Options = {}) {
  const told: string[] = [];
  const signal = new AbortController().signal;
  const onWait = (message: string) => {
    told.push(message);
    whenRefused?.();
  };
  const socket = await dialNodes(pods.api, { port, signal, onWait, ...options });
  const [said] = await once(socket, 'data');
  return { said: String(said), told };
}

describe('a port of the nodes', () => {
  it('is waited for while they refuse it', async () => {
    nodes({ ready: true, address: '127.0.0.1' });
    const port = await freePort();
    expect(await dial(port, { whenRefused: () => void listen(port) })).toEqual({
      said: 'here',
      told: [`waiting for a node to answer on port ${port}`],
    });
  });

  it('is that of the node that answers', async () => {
    nodes(
      { ready: false, address: '127.0.0.1' },
      { ready: true, address: '127.0.0.2' },
      { ready: true, address: '127.0.0.1' },
    );
    expect(await dial(await listen())).toEqual({ said: 'here', told: [] });
  });

  it('ends with what each of them said', async () => {
    nodes({ ready: true, address: '127.0.0.1' }, { ready: true, address: '127.0.0.2' });
    const port = await freePort();
    await expect(dial(port, { patience: 300 })).rejects.toMatchObject({
      code: 'NO_NODE',
      exitCode: 4,
      message: `no node can be reached from here: tried 127.0.0.1:${port} (refused), 127.0.0.2:${port} (refused)`,
    });
  });

  it('is nowhere when no node is ready', async () => {
    nodes({ ready: false, address: '127.0.0.1' });
    await expect(dial(1)).rejects.toMatchObject({ code: 'NO_NODE', exitCode: 4 });
  });

  it('is given up at once on a signal', async () => {
    nodes({ ready: true, address: '127.0.0.1' });
    const controller = new AbortController();
    const whenRefused = () => controller.abort();
    await expect(dial(await freePort(), { signal: controller.signal, whenRefused })).rejects.toMatchObject({
      exitCode: 130,
    });
  });

  it('ends a tunnel that was never there, and no other one', async () => {
    nodes({ ready: false, address: '127.0.0.1' });
    const error = await dial(1).catch((reason: unknown) => reason);
    expect([isFinal(error, { connected: false }), isFinal(error)]).toEqual([true, false]);
  });
});
