import { EventEmitter } from 'node:events';
import { PassThrough, Readable, Writable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { PodServer, type PodStream } from '../../../helpers/pod-server.ts';

let pods: PodServer;

async function serve(protocols: string[], writable = [0, 4, 255]): Promise<void> {
  pods = await PodServer.open(protocols, writable);
}

afterEach(async () => {
  expect(pods.faults).toEqual([]);
  await pods.close();
});

const success = { status: 'Success' };
const failure = (code: number) => ({
  status: 'Failure',
  reason: 'NonZeroExitCode',
  details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
});

async function end(stream: PodStream, status: object): Promise<void> {
  await stream.send(3, JSON.stringify(status));
  stream.socket.close(1000);
}

function collector(): Writable & { text: string } {
  const output = new PassThrough() as unknown as Writable & { text: string };
  output.text = '';
  (output as unknown as PassThrough).on('data', (chunk) => {
    output.text += chunk;
  });
  return output;
}

const exec = (streams: Parameters<PodServer['api']['exec']>[4], command = ['sh', '-c', 'a b']) =>
  pods.api.exec('shop', 'web-1', 'app', command, streams);

describe('a program run in a container', () => {
  it('asks for what is given, and parts output from errors', async () => {
    await serve(['v5.channel.k8s.io', 'v4.channel.k8s.io']);
    pods.serve = (stream) =>
      void stream
        .send(1, 'out')
        .then(() => stream.send(2, 'err'))
        .then(() => end(stream, success));
    const [stdout, stderr] = [collector(), collector()];

    expect(await exec({ stdout, stderr })).toBe(0);
    expect([stdout.text, stderr.text]).toEqual(['out', 'err']);
    expect(pods.requests[0]!.url).toBe(
      '/api/v1/namespaces/shop/pods/web-1/exec?container=app&stdout=true&stderr=true&command=sh&command=-c&command=a+b',
    );
    expect(stdout.writableEnded).toBe(false);
  });

  it('passes the exit code on', async () => {
    await serve(['v5.channel.k8s.io']);
    pods.serve = (stream) => void end(stream, failure(42));

    expect(await exec({})).toBe(42);
    // The node refuses a program without any stream.
    expect(pods.requests[0]!.url).toContain('&stdout=true&');
  });

  it('says that the program is not there', async () => {
    await serve(['v5.channel.k8s.io']);
    const message = 'exec: "nope": executable file not found in $PATH';
    pods.serve = (stream) => void end(stream, { status: 'Failure', reason: 'InternalError', message });

    await expect(exec({})).rejects.toMatchObject({
      code: 'EXEC',
      message: expect.stringContaining(message),
      hint: 'the image of this container does not hold it',
    });
  });

  it('ends the input of the program where the protocol can', async () => {
    await serve(['v5.channel.k8s.io']);
    let input = '';
    pods.receive = (channel, payload, stream) => {
      if (channel === 0) input += payload.toString();
      if (channel === 255 && payload.equals(Buffer.of(0))) void end(stream, success);
    };

    expect(await exec({ stdin: Readable.from(['one ', 'two']) })).toBe(0);
    expect(input).toBe('one two');
  });

  it('leaves the input open on older servers, which would take its end for the end of all', async () => {
    await serve(['v4.channel.k8s.io'], [0]);
    pods.receive = (_channel, payload, stream) => {
      setTimeout(() => void stream.send(1, payload).then(() => end(stream, failure(7))), 100);
    };
    const stdout = collector();

    expect(await exec({ stdin: Readable.from(['echo']), stdout })).toBe(7);
    expect(stdout.text).toBe('echo');
  });

  it('tells the size of the terminal, and each new one', async () => {
    await serve(['v5.channel.k8s.io']);
    const terminal = Object.assign(new EventEmitter(), { columns: 80, rows: 24 });
    const sizes: string[] = [];
    pods.receive = (channel, payload, stream) => {
      if (channel === 4) sizes.push(payload.toString());
      if (sizes.length === 1) {
        terminal.columns = 132;
        terminal.emit('resize');
      } else void end(stream, success);
    };

    expect(await exec({ tty: true, resize: terminal, stdout: collector(), stderr: collector() })).toBe(0);
    expect(sizes).toEqual(['{"Width":80,"Height":24}', '{"Width":132,"Height":24}']);
    expect(terminal.listenerCount('resize')).toBe(0);
    expect(pods.requests[0]!.url).toContain('?container=app&stdout=true&tty=true&');
  });

  it('reads no faster than output is taken, and loses nothing', async () => {
    await serve(['v5.channel.k8s.io']);
    const size = 32 * 1024 * 1024;
    let sent = 0;
    pods.serve = async (stream) => {
      const chunk = Buffer.alloc(64 * 1024, 'x');
      for (; sent < size; sent += chunk.length) await stream.send(1, chunk);
      await end(stream, success);
    };
    let taken = 0;
    let sentWhileStuck = 0;
    const slow = new Writable({
      write(chunk, _encoding, done) {
        taken += chunk.length;
        if (taken > chunk.length) return void done();
        setTimeout(() => {
          sentWhileStuck = sent;
          done();
        }, 1000);
      },
    });

    expect(await exec({ stdout: slow })).toBe(0);
    await new Promise((resolve) => slow.end(resolve));
    expect(taken).toBe(size);
    expect(sentWhileStuck).toBeLessThan(size / 2);
  });

  it('tells a cut from an end', async () => {
    await serve(['v5.channel.k8s.io']);
    pods.serve = (stream) => void stream.send(1, 'half').then(() => stream.raw.resetAndDestroy());

    await expect(exec({ stdout: collector() })).rejects.toMatchObject({ code: 'STREAM_LOST' });
  });

  it('ends with its signal, and leaves its input to others', async () => {
    await serve(['v5.channel.k8s.io']);
    const controller = new AbortController();
    pods.receive = () => controller.abort();
    const stdin = new PassThrough();
    stdin.write('typed');

    await expect(exec({ stdin, signal: controller.signal })).rejects.toMatchObject({ code: 'INTERRUPTED' });
    expect(stdin.listenerCount('data')).toBe(0);
    expect(stdin.isPaused()).toBe(true);
  });

  it('names the right that is missing', async () => {
    await serve(['v5.channel.k8s.io']);
    pods.refuse = () => ({
      status: 403,
      body: JSON.stringify({ message: 'pods "web-1" is forbidden', reason: 'Forbidden' }),
    });

    await expect(exec({})).rejects.toMatchObject({
      code: 'KUBE_FORBIDDEN',
      hint: expect.stringContaining('create and get on pods/exec in namespace shop'),
    });
  });
});

describe('joining the program of a container', () => {
  it('carries its streams', async () => {
    await serve(['v5.channel.k8s.io']);
    pods.receive = (channel, payload, stream) => {
      if (channel === 0) void stream.send(1, payload).then(() => end(stream, success));
    };
    const stdout = collector();

    expect(
      await pods.api.attach('shop', 'web-1', 'app', { stdin: Readable.from(['hi']), stdout, tty: true }),
    ).toBe(0);
    expect(stdout.text).toBe('hi');
    expect(pods.requests[0]!.url).toBe(
      '/api/v1/namespaces/shop/pods/web-1/attach?container=app&stdin=true&stdout=true&tty=true',
    );
  });
});
