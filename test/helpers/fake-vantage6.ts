import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from 'socket.io';

type Body = Record<string, unknown>;

/** A fake of vantage6's server, version 4: the routes that a node and its algorithms use, and no others. */
export interface FakeVantage6 {
  port: number;
  runs: Map<number, Body>;
  organizations: Map<number, Body>;
  /** Every request, as `METHOD path`. */
  asked: string[];
  patches: Array<{ run: number; body: Body }>;
  tasks: Body[];
  /** To all nodes, in the namespace `/tasks`. */
  emit(event: string, message?: unknown): void;
  /** The next token that is presented is one that has run out. */
  expire(): void;
  close(): Promise<void>;
}

export const API_KEY = 'the-key-of-the-node';

const token = (sub: unknown) =>
  ['{}', JSON.stringify({ sub }), ''].map((part) => Buffer.from(part).toString('base64url')).join('.');

export async function fakeVantage6(): Promise<FakeVantage6> {
  const fake = {
    runs: new Map<number, Body>(),
    organizations: new Map<number, Body>(),
    asked: [] as string[],
    patches: [] as FakeVantage6['patches'],
    tasks: [] as Body[],
  };
  let valid = token(7);
  let logins = 0;
  const http = createServer(async (request, response) => {
    const body = await read(request);
    const path = (request.url ?? '').split('?')[0]!.replace(/^\/api/, '');
    fake.asked.push(`${request.method} ${request.url}`);
    const [status, answer] = route(request, path, body);
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer));
  });
  const route = (request: IncomingMessage, path: string, body: Body): [number, unknown] => {
    const { method } = request;
    if (path === '/token/node') {
      if (body.api_key !== API_KEY) return [401, { msg: 'Invalid api_key' }];
      valid = `${token(7)}${++logins}`;
      return [200, { access_token: valid }];
    }
    if (request.headers.authorization !== `Bearer ${valid}`) return [401, { msg: 'Token has expired' }];
    const id = Number(/\/(\d+)$/.exec(path)?.[1]);
    if (path === '/node/7') return [200, { id: 7, organization: { id: 2 } }];
    if (path.startsWith('/organization/')) {
      if (method === 'PATCH') fake.organizations.set(id, { ...fake.organizations.get(id), ...body });
      return [200, { id, ...fake.organizations.get(id) }];
    }
    if (path === '/run') {
      const open = [...fake.runs.values()].filter(({ status }) => status === 'pending');
      const page = Number(new URL(request.url!, 'http://a').searchParams.get('page'));
      return [200, { data: open.slice(page - 1, page), links: page < open.length ? { next: 'more' } : {} }];
    }
    if (path.startsWith('/run/')) {
      if (method === 'PATCH') {
        fake.patches.push({ run: id, body });
        fake.runs.set(id, { ...fake.runs.get(id), ...body });
      }
      return [200, fake.runs.get(id) ?? {}];
    }
    if (path === '/token/container') return [200, { container_token: token({ task_id: body.task_id }) }];
    if (path === '/task') return [201, { id: fake.tasks.push(body) }];
    if (path === '/result') return [200, { data: [...fake.runs.values()].map(({ result }) => ({ result })) }];
    return [404, { msg: `no route ${path}` }];
  };
  const server = new Server(http);
  const tasks = server.of('/tasks');
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    ...fake,
    port: (http.address() as AddressInfo).port,
    emit: (event, message) => void tasks.emit(event, message),
    expire: () => {
      valid = 'none';
    },
    close: async () => void (await server.close()),
  };
}

async function read(request: IncomingMessage): Promise<Body> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text === '' ? {} : (JSON.parse(text) as Body);
}
