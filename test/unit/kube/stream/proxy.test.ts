import { once } from 'node:events';
import http from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import WebSocket, { WebSocketServer } from 'ws';
import { Api } from '../../../../src/kube/client.ts';
import { openProxy, type Proxy as Served } from '../../../../src/kube/stream/proxy.ts';

/** Stands for the API server: what comes to it is what the proxy lets through. */
let upstream: http.Server;
let seen: http.IncomingMessage[];
let answer: (request: http.IncomingMessage, response: http.ServerResponse) => void;
let api: Api;
let served: Served;

beforeEach(async () => {
  seen = [];
  answer = (_request, response) => response.end('fine');
  upstream = http.createServer((request, response) => {
    seen.push(request);
    answer(request, response);
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const { port } = upstream.address() as AddressInfo;
  api = new Api({
    server: `http://127.0.0.1:${port}`,
    file: '',
    context: '',
    plain: { headers: { authorization: 'Bearer of-the-user' } },
  });
  served = await openProxy(api, 0);
});

afterEach(async () => {
  served.close();
  api.close();
  upstream.closeAllConnections();
  await new Promise((resolve) => upstream.close(resolve));
});

function ask(path: string, options: http.RequestOptions = {}): http.ClientRequest {
  return http.request({ host: '127.0.0.1', port: served.port, path, ...options });
}

async function reply(
  request: http.ClientRequest,
): Promise<{ status: number; text: string; headers: object }> {
  request.end();
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  let text = '';
  for await (const chunk of response) text += chunk;
  return { status: response.statusCode!, text, headers: response.headers };
}

describe('the proxy of the API server', () => {
  it('puts its own credentials in the place of those that come', async () => {
    const request = ask('/api/v1/pods?limit=1', {
      headers: { authorization: 'Bearer other', accept: 'a/b' },
    });
    const { status, text, headers } = await reply(request);

    expect([status, text]).toEqual([200, 'fine']);
    expect(seen[0]!.url).toBe('/api/v1/pods?limit=1');
    expect(seen[0]!.headers).toMatchObject({ authorization: 'Bearer of-the-user', accept: 'a/b' });
    expect(JSON.stringify(headers)).not.toContain('of-the-user');
  });

  it.each([
    ['a name that leads here by DNS', { host: 'evil.example:8088' }],
    ['no name that is ours as a part', { host: '127.0.0.1.evil.example' }],
    ['a page of another origin', { origin: 'https://evil.example' }],
    ['a page in a sandbox', { origin: 'null' }],
    ['another site', { 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'image' }],
  ])('refuses %s', async (_what, headers) => {
    const { status } = await reply(ask('/api/v1/pods', { method: 'POST', headers }));

    expect(status).toBe(403);
    expect(seen).toEqual([]);
  });

  it.each(['exec', '%65xec', 'attach', 'x/../exec'])('refuses a shell by %s', async (word) => {
    const { status } = await reply(ask(`/api/v1/namespaces/a/pods/b/${word}?command=sh`, { method: 'POST' }));

    expect(status).toBe(403);
    expect(seen).toEqual([]);
  });

  it('serves its own pages, and links that lead to them', async () => {
    const own = { host: `localhost:${served.port}`, origin: `http://localhost:${served.port}` };
    expect(await reply(ask('/', { headers: own }))).toMatchObject({ status: 200 });
    const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'document' };
    expect(await reply(ask('/', { headers: link }))).toMatchObject({ status: 200 });
  });

  it('passes bodies on as they come, both ways', async () => {
    answer = (request, response) => {
      response.flushHeaders();
      request.on('data', (chunk) => response.write(`<${chunk}>`));
      request.on('end', () => response.end());
    };
    const request = ask('/', { method: 'POST' });
    request.write('one');
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    expect(String((await once(response, 'data'))[0])).toBe('<one>');
    request.end('two');
    expect(String((await once(response, 'data'))[0])).toBe('<two>');
  });

  it('cuts an answer that was cut', async () => {
    answer = (_request, response) => {
      response.write('half');
      setTimeout(() => response.destroy(), 50);
    };
    const request = ask('/').end();
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];

    await expect(once(response.resume(), 'end')).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  it('ends a watch when its reader is gone', async () => {
    const gone = new Promise<void>((resolve) => {
      answer = (_request, response) => {
        response.write('event');
        response.once('close', resolve);
      };
    });
    const request = ask('/').end();
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    response.destroy();

    await gone;
  });

  it('carries WebSockets, with the same care', async () => {
    const sockets = new WebSocketServer({ server: upstream });
    sockets.on('connection', (socket, request) => {
      seen.push(request);
      socket.on('message', (message) => socket.send(`${message} back`));
    });
    const socket = new WebSocket(`ws://127.0.0.1:${served.port}/watch`);
    await once(socket, 'open');
    socket.send('there and');
    expect(String((await once(socket, 'message'))[0])).toBe('there and back');
    expect(seen[0]!.headers.authorization).toBe('Bearer of-the-user');
    const foreign = new WebSocket(`ws://127.0.0.1:${served.port}/watch`, { origin: 'https://evil.example' });

    expect(String((await once(foreign, 'error'))[0])).toContain('403');
    socket.terminate();
    sockets.close();
  });

  it('says that the API server is not there', async () => {
    const port = served.port;
    upstream.close();
    await once(upstream, 'close');

    expect(await reply(http.request({ host: '127.0.0.1', port, path: '/' }))).toMatchObject({ status: 502 });
    await new Promise<void>((resolve) => upstream.listen(0, resolve));
  });

  it('takes the next port when the wanted one is taken, on loopback only', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const wanted = (taken.address() as AddressInfo).port;
    const other = await openProxy(api, wanted);
    expect(other.port).toBeGreaterThan(wanted);
    const outside = connect(other.port, '127.0.0.2');

    await expect(once(outside, 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    other.close();
    taken.close();
  });
});
