import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { Api } from '../../src/kube/client.ts';
import type { KubeObject } from '../../src/kube/types.ts';

type Answer = { status: number; body?: unknown } | 'reset' | 'silence';

/** An API server of a few lines: one collection of objects with resource versions. */
export class TinyApi {
  readonly objects = new Map<string, KubeObject>();
  readonly seen: string[] = [];
  /** Answers instead of the server, where it returns something; `after`: once the request was carried out. */
  interfere: (method: string, path: string, when: 'before' | 'after') => Answer | undefined = () => undefined;
  readonly api: Api;
  readonly #server: http.Server;
  #version = 0;

  private constructor(server: http.Server, port: number) {
    this.#server = server;
    this.api = new Api({
      server: `http://127.0.0.1:${port}`,
      file: '',
      context: '',
      plain: {},
    });
  }

  static async open(): Promise<TinyApi> {
    const server = http.createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const tiny = new TinyApi(server, (server.address() as AddressInfo).port);
    server.on('request', (request, response) => {
      let text = '';
      request.on('data', (chunk) => {
        text += chunk;
      });
      request.on('end', () => tiny.#serve(request, text === '' ? undefined : JSON.parse(text), response));
    });
    return tiny;
  }

  async close(): Promise<void> {
    this.api.close();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Stores an object as somebody else would. */
  put(path: string, object: KubeObject): KubeObject {
    const resourceVersion = String(++this.#version);
    const stored = { ...object, metadata: { uid: `uid-${path}`, ...object.metadata, resourceVersion } };
    this.objects.set(path, stored);
    return stored;
  }

  #serve(request: http.IncomingMessage, body: KubeObject | undefined, response: http.ServerResponse): void {
    const { method = '', url = '' } = request;
    const path = url.split('?')[0]!;
    this.seen.push(`${method} ${path}`);
    const send = (answer: Answer) => {
      if (answer === 'silence') return;
      if (answer === 'reset') return void request.socket.destroy();
      response.writeHead(answer.status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answer.body ?? {}));
    };
    const before = this.interfere(method, path, 'before');
    if (before !== undefined) {
      send(before);
      return;
    }
    const answer = this.#carryOut(method, path, body);
    send(this.interfere(method, path, 'after') ?? answer);
  }

  #carryOut(method: string, path: string, body?: KubeObject): Answer {
    const key = method === 'POST' ? `${path}/${body!.metadata.name}` : path;
    const there = this.objects.get(key);
    if (method === 'POST')
      return there === undefined
        ? { status: 201, body: this.put(key, body!) }
        : failure(409, 'AlreadyExists');
    if (there === undefined) return failure(404, 'NotFound');
    if (method === 'GET') return { status: 200, body: there };
    const { resourceVersion } =
      body!.metadata ?? (body as unknown as { preconditions: KubeObject['metadata'] }).preconditions;
    if (resourceVersion !== undefined && resourceVersion !== there.metadata.resourceVersion)
      return failure(409, 'Conflict');
    if (method === 'PUT') return { status: 200, body: this.put(key, body!) };
    this.objects.delete(key);
    return { status: 200, body: {} };
  }
}

export function failure(code: number, reason: string): Answer {
  return { status: code, body: { kind: 'Status', status: 'Failure', message: reason, reason, code } };
}
