import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Forward, type ForwardEvent, type Forwarded, forwardService } from '../../../src/kube/forward.ts';
import { PodServer, type PodStream } from '../../helpers/pod-server.ts';

let pods: PodServer;
const closing: Array<{ close(): unknown }> = [];

beforeEach(async () => {
  pods = await PodServer.open(['v4.channel.k8s.io'], [0]);
  pods.objects.set('/api/v1/namespaces/shop/services/web', {
    spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
  });
  running('web-1');
  pods.serve = begin;
  // Each pod answers with its name.
  pods.receive = (_channel, payload, stream) => {
    const pod = stream.url.pathname.split('/').at(-2)!;
    void stream.send(0, `${payload} from ${pod}`).then(() => stream.socket.close(1000));
  };
});

afterEach(async () => {
  for (const one of closing.splice(0)) one.close();
  expect(pods.faults).toEqual([]);
  await pods.close();
});

function running(...names: string[]): void {
  pods.objects.set('/api/v1/namespaces/shop/pods', { items: names.map((name) => pod(name)) });
}

function pod(name: string, ready = 'True') {
  return {
    metadata: { name },
    spec: { containers: [{ ports: [{ name: 'http', containerPort: 8080 }] }] },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: ready, message: 'containers with unready status: [web]' }],
    },
  };
}

async function begin(stream: PodStream): Promise<void> {
  const port = Buffer.alloc(2);
  port.writeUInt16LE(8080);
  await stream.send(0, port);
  await stream.send(1, port);
}

async function open(tell: (event: ForwardEvent) => void = () => undefined, local = 0): Promise<Forwarded> {
  const forward = new Forward(pods.api, { namespace: 'shop', service: 'web', port: 80 }, tell);
  const forwarded = await forward.listen(local);
  closing.push(forwarded);
  return forwarded;
}

/** What comes back until the end; fails with the error of the socket. */
async function ask(port: number, question = 'hello'): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.end(question);
  let text = '';
  for await (const chunk of socket) text += chunk;
  return text;
}

describe('a forwarded service', () => {
  it('answers on loopback only, by the port that the pod gives its name', async () => {
    const { port } = await open();

    expect(await ask(port)).toBe('hello from web-1');
    expect(pods.requests[0]!.url).toContain('ports=8080');
  });

  it('goes on with the pod that follows', async () => {
    const events: ForwardEvent[] = [];
    const { port } = await open((event) => events.push(event));
    expect(await ask(port)).toBe('hello from web-1');
    running('web-2');
    pods.refuse = ({ url }) =>
      url!.includes('web-1') ? { status: 404, body: '{"message":"pods \\"web-1\\" not found"}' } : undefined;

    expect(await ask(port)).toBe('hello from web-2');
    expect(events).toEqual([
      { type: 'pod', pod: 'web-1', before: undefined },
      { type: 'pod', pod: 'web-2', before: 'web-1' },
    ]);
  });

  it('resets a connection at once when no pod is ready, and says why', async () => {
    pods.objects.set('/api/v1/namespaces/shop/pods', { items: [pod('web-1', 'False')] });
    const events: ForwardEvent[] = [];
    const { port } = await open((event) => events.push(event));

    await expect(ask(port)).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(events).toMatchObject([
      {
        type: 'refused',
        error: {
          code: 'NO_READY_POD',
          message:
            'no pod of service shop/web is ready: web-1 is Running (containers with unready status: [web])',
        },
      },
    ]);
    running('web-1');
    expect(await ask(port)).toBe('hello from web-1');
  });

  it('does not let a cut pass for an end', async () => {
    let cut = () => undefined as unknown;
    pods.receive = (_channel, _payload, stream) => {
      cut = () => stream.raw.resetAndDestroy();
      void stream.send(0, 'half');
    };
    const errors: unknown[] = [];
    const { port } = await open((event) => event.type === 'refused' && errors.push(event.error));
    const socket = connect(port, '127.0.0.1');
    socket.write('hello');
    await once(socket, 'data');
    const ended = once(socket, 'end');
    cut();

    await expect(ended).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(errors).toMatchObject([{ code: 'STREAM_LOST' }]);
  });

  it('delivers an answer that comes before the question has ended', async () => {
    pods.receive = (_channel, _payload, stream) => {
      if (stream.socket.readyState === 1)
        void stream.send(0, 'too long').then(() => stream.socket.close(1000));
    };
    const { port } = await open();
    const socket = connect(port, '127.0.0.1');
    const more = () => {
      while (socket.writable && socket.write(Buffer.alloc(65_536)));
    };
    socket.on('drain', more);
    more();
    let text = '';
    for await (const chunk of socket) text += chunk;

    expect(text).toBe('too long');
  });

  it('ends the way to the pod when the local program is gone', async () => {
    const closed = new Promise<void>((resolve) => {
      pods.serve = (stream) => {
        void begin(stream);
        stream.socket.on('close', () => resolve());
      };
    });
    pods.receive = (_channel, _payload, stream) => void stream.send(0, 'more');
    const { port } = await open();
    const socket = connect(port, '127.0.0.1');
    socket.write('hello');
    await once(socket, 'data');
    socket.resetAndDestroy();

    await closed;
  });

  it('ends all connections when it is closed', async () => {
    pods.receive = (_channel, _payload, stream) => void stream.send(0, 'more');
    const forwarded = await open();
    const socket = connect(forwarded.port, '127.0.0.1');
    socket.write('hello');
    await once(socket, 'data');
    forwarded.close();
    await once(socket, 'close');

    await expect(ask(forwarded.port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('takes the next port when the wanted one is taken', async () => {
    const taken = createServer((_socket: Socket) => undefined);
    closing.push(taken);
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const wanted = (taken.address() as AddressInfo).port;
    const { port } = await open(undefined, wanted);

    expect(port).toBeGreaterThan(wanted);
    expect(await ask(port)).toBe('hello from web-1');
  });
});

describe('forwardService', () => {
  const forward = (service: string, port = 80) =>
    forwardService(pods.api, 'shop', service, port, () => undefined);

  it('fails at once where there is nothing to lead to', async () => {
    await expect(forward('api')).rejects.toMatchObject({ code: 'NO_SERVICE' });
    await expect(forward('web', 81)).rejects.toMatchObject({
      code: 'NO_SUCH_PORT',
      message: 'service shop/web has no port 81; it has 80',
    });
    pods.objects.set('/api/v1/namespaces/shop/services/outside', { spec: { ports: [{ port: 80 }] } });
    await expect(forward('outside')).rejects.toMatchObject({ code: 'NO_READY_POD' });
    running();
    await expect(forward('web')).rejects.toMatchObject({
      message: expect.stringContaining('it has no pods'),
    });
  });
});
