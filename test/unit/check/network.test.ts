import http from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type CheckResult, runCheck } from '../../../src/check/index.ts';
import { Check } from '../../../src/config/schema/check.ts';
import { KubeError } from '../../../src/kube/errors.ts';
import { openError } from '../../../src/kube/stream/errors.ts';
import { redact } from '../../../src/util/redact.ts';
import { podBridge, putSecret } from '../../helpers/pod-bridge.ts';

const closing: Array<() => unknown> = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function listen<S extends Server>(server: S): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.close();
    if (server instanceof http.Server) server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

/** The pod behind the service `web:80` answers requests so. */
async function webOf(answer: http.RequestListener) {
  return await bridgeTo(await listen(http.createServer(answer)));
}

async function bridgeTo(port: number) {
  const bridge = await podBridge({ 80: port });
  closing.push(() => bridge.pods.close());
  return bridge;
}

function check(words: object, timeout = 1): Check {
  return Check.parse({ name: 'works', timeout, ...words });
}

const web = { service: 'web', port: 80 };

describe('a check by HTTP', () => {
  it('sends what it says and passes when the answer is right', async () => {
    const { pods, subject } = await webOf((request, response) => {
      const { method, url, headers } = request;
      response.writeHead(201).end(JSON.stringify({ method, url, headers, list: [{ state: 'ready' }] }));
    });
    putSecret(pods, 'auth', { token: 'a-secret-token', user: 'alice', password: 'wonderland' });

    const result = await runCheck(
      subject,
      check(
        {
          http: {
            ...web,
            method: 'POST',
            path: '/api?x=1',
            headers: { 'X-Plain': 'yes' },
            secret_headers: { 'X-Token': { name: 'auth', key: 'token', prefix: 'Bearer ' } },
            basic_auth: { name: 'auth', user: 'user', password: 'password' },
            status: [201],
            contains: '"/api?x=1"',
            json: {
              method: 'POST',
              'headers.host': 'web.shop.svc:80',
              'headers.x-plain': 'yes',
              'headers.x-token': 'Bearer a-secret-token',
              'headers.authorization': `Basic ${Buffer.from('alice:wonderland').toString('base64')}`,
              'list.0.state': 'ready',
            },
          },
        },
        20,
      ),
    );

    expect(result).toMatchObject({ component: 'web', name: 'works', result: 'passed' });
    expect(result.message).toMatch(/^POST http:\/\/web\.shop\.svc:80\/api\?x=1 answered 201, holds /);
    // From the moment they were read.
    expect(redact('a-secret-token wonderland')).toBe('*** ***');
    expect(pods.faults).toEqual([]);
  });

  it.each<[string, object, RegExp]>([
    ['status', {}, /answered 503, expected 200 to 299: out of order/],
    ['text', { status: [503], contains: 'fine' }, /answered 503, without "fine": out of order/],
    ['form', { status: [503], json: { a: 1 } }, /did not answer with JSON: out of order/],
  ])('tries again until the deadline when the %s is wrong', async (_what, words, message) => {
    let asked = 0;
    const { subject } = await webOf((_request, response) => {
      asked++;
      response.writeHead(503).end('out of  order');
    });

    const result = await runCheck(subject, check({ http: { ...web, ...words } }));

    expect(result.result).toBe('failed');
    expect(result.message).toMatch(/^did not pass within 1 s, in \d tries; the last answer: GET/);
    expect(result.message).toMatch(message);
    expect(asked).toBeGreaterThan(1);
    expect(result.seconds).toBeLessThan(2);
  });

  it('passes once a service that needs a moment is there', async () => {
    let asked = 0;
    const { subject } = await webOf((_request, response) => {
      response.writeHead(++asked < 3 ? 502 : 200).end();
    });

    expect(await runCheck(subject, check({ http: web }, 10))).toMatchObject({ result: 'passed' });
    expect(asked).toBe(3);
  });

  it('says what another value would have been', async () => {
    const { subject } = await webOf((_request, response) => response.end('{"database":"locked"}'));

    const result = await runCheck(subject, check({ http: { ...web, json: { database: 'ok' } } }));

    expect(result.message).toMatch(/answered database: "locked", expected "ok"/);
  });

  it('ends at its deadline when nothing answers, and says what it waited for', async () => {
    const { subject } = await webOf(() => undefined);
    const said: string[] = [];

    const result = await runCheck(subject, check({ http: { ...web, path: '/slow' } }, 1), {
      tell: (message) => said.push(message),
    });

    expect(result).toMatchObject({ result: 'failed' });
    expect(result.message).toBe(
      'did not end within 1 s; it was waiting for the answer to GET http://web.shop.svc:80/slow',
    );
    expect(result.seconds).toBeLessThan(2);
    expect(said).toEqual(['waiting for the answer to GET http://web.shop.svc:80/slow']);
  });

  it('does not wait for what will not come', async () => {
    const { pods, subject } = await webOf((_request, response) => response.end());
    const results = [
      await runCheck(subject, check({ http: { ...web, service: 'other' } }, 60)),
      await runCheck(subject, check({ http: { ...web, port: 81 } }, 60)),
      await runCheck(
        subject,
        check({ http: { ...web, secret_headers: { a: { name: 'none', key: 'b' } } } }, 60),
      ),
    ];
    pods.api.portForward = async () => {
      const error = new KubeError(403, 'Forbidden', 'cannot create resource "pods/portforward"');
      throw openError(error, 'pods/portforward', { namespace: 'shop', pod: 'web-1' });
    };
    results.push(await runCheck(subject, check({ http: web }, 60)));

    expect(results.map(({ result }) => result)).toEqual(['failed', 'failed', 'failed', 'failed']);
    expect(Math.max(...results.map(({ seconds }) => seconds))).toBeLessThan(5);
    expect(results[0]!.message).toMatch(/there is no service other in namespace shop/);
    expect(results[1]!.message).toMatch(/has no port 81; it has 80/);
    expect(results[2]!.message).toMatch(/not found/);
    expect(results[3]!.message).toContain('cannot create resource "pods/portforward"');
    expect(results[3]!.message).toContain('docs/rights.md');
  });

  it('says that nothing listens', async () => {
    const port = await listen(createServer());
    await closing.pop()!();
    const { subject } = await bridgeTo(port);

    expect((await runCheck(subject, check({ http: web }))).message).toMatch(/refused|nothing listens/i);
  });
});

describe('a check that is interrupted', () => {
  it('is skipped at once', async () => {
    const { subject } = await webOf(() => undefined);
    const interrupt = new AbortController();

    const result: CheckResult = await runCheck(subject, check({ http: web }, 60), {
      signal: interrupt.signal,
      tell: () => setTimeout(() => interrupt.abort(), 50),
    });

    expect(result).toMatchObject({ result: 'skipped', message: 'interrupted' });
    expect(result.seconds).toBeLessThan(2);
  });
});

describe('a check by TCP', () => {
  async function talker(greeting: string, reply?: (line: string) => string) {
    const server = createServer((socket) => {
      socket.write(greeting);
      socket.on('error', () => undefined);
      socket.on('data', (line) => reply === undefined || socket.end(reply(line.toString())));
    });
    return await bridgeTo(await listen(server));
  }

  it('passes when the words come back', async () => {
    const { subject } = await talker('220 ready\r\n', (line) => `250 hello ${line}`);
    const words = { send: 'EHLO me\r\n', expect: '250 hello EHLO me' };

    const result = await runCheck(subject, check({ tcp: { ...web, ...words } }, 20));

    expect(result).toMatchObject({
      result: 'passed',
      message: 'web.shop.svc:80 answered "250 hello EHLO me"',
    });
  });

  it('passes when a port takes connections and says nothing', async () => {
    const { subject } = await bridgeTo(await listen(createServer()));

    expect(await runCheck(subject, check({ tcp: web }, 20))).toMatchObject({
      result: 'passed',
      message: 'web.shop.svc:80 takes connections',
    });
  });

  it.each<[string, (line: string) => string, RegExp]>([
    ['something else comes back', () => '500 no\r\n', /closed the connection; what came back: "500 no/],
    ['nothing comes back', () => '', /closed the connection; nothing came back/],
  ])('fails when %s', async (_what, reply, message) => {
    const { subject } = await talker('', reply);

    const result = await runCheck(subject, check({ tcp: { ...web, send: 'x', expect: '250' } }));

    expect(result.result).toBe('failed');
    expect(result.message).toMatch(message);
  });

  it('fails when nothing listens, though the way to the pod is open', async () => {
    const port = await listen(createServer());
    await closing.pop()!();
    const { subject } = await bridgeTo(port);

    expect(await runCheck(subject, check({ tcp: web }))).toMatchObject({ result: 'failed' });
  });
});

describe('a check by AMQP', () => {
  const amqp = { host: 'web.shop.svc', port: 80, vhost: '/' };
  const secret = { name: 'auth', user: 'user', password: 'password' };

  async function broker(answer: string | undefined) {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      if (answer !== undefined) socket.end(answer);
    });
    const { pods, subject } = await bridgeTo(await listen(server));
    putSecret(pods, 'auth', { user: 'alice', password: 'wonderland' });
    return { ...subject, provides: { amqp: { ...amqp, secret } } };
  }

  it('ends at its deadline when the broker says nothing', async () => {
    const result = await runCheck(await broker(undefined), check({ amqp: {} }));

    expect(result.message).toBe('did not end within 1 s; it was connecting to web.shop.svc:80');
  });

  it('tells what came back from something else', async () => {
    const result = await runCheck(await broker('HTTP/1.0 400 no\r\n'), check({ amqp: {} }));

    expect(result.message).toMatch(
      /^did not pass within 1 s, in \d tries; the last answer: web\.shop\.svc:80 does not speak AMQP: it says "HTTP/,
    );
    expect(result.message).not.toContain('wonderland');
  });

  it('does not try without its Secret', async () => {
    const { subject } = await bridgeTo(1);
    const result = await runCheck(
      { ...subject, provides: { amqp: { ...amqp, secret } } },
      check({ amqp: {} }, 60),
    );

    expect(result.message).toMatch(/not found/);
    expect(result.seconds).toBeLessThan(5);
  });
});

describe('a check of what the component does not provide', () => {
  it.each(['s3', 'amqp'])('says so: %s', async (kind) => {
    const { subject } = await bridgeTo(1);

    const result = await runCheck(subject, check({ [kind]: {} }, 60));

    expect(result).toMatchObject({ result: 'failed' });
    expect(result.message).toMatch(new RegExp(`^web provides no ${kind}, `));
    expect(result.seconds).toBeLessThan(5);
  });
});
