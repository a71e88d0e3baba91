import type { IncomingMessage, RequestOptions } from 'node:http';
import http from 'node:http';
import https from 'node:https';
import type { Check } from '../config/schema/check.ts';
import type { Api } from '../kube/client.ts';
import { CheckError, final, notYet, refused } from './failure.ts';
import { reach } from './reach.ts';
import { readSecret } from './secrets.ts';
import type { Attempt } from './subject.ts';

type HttpCheck = NonNullable<Check['http']>;

/** How long a try waits for an answer, in milliseconds. */
const PATIENCE = 10_000;
/** Bytes of the answer that are looked at. */
const MOST = 1024 * 1024;

interface Answer {
  status: number;
  body: string;
}

/** Sends a request and compares the answer. */
export async function checkHttp(
  check: HttpCheck,
  { api, namespace, signal, doing }: Attempt,
): Promise<string> {
  const { service, port, method, path, tls } = check;
  const host = `${service}.${namespace}.svc:${port}`;
  const what = `${method} ${tls === undefined ? 'http' : 'https'}://${host}${path}`;
  doing(`waiting for the answer to ${what}`);
  const headers = { host, 'user-agent': 'datamill', ...(await headersOf(check, api, namespace)) };
  const ca = tls?.ca === undefined ? undefined : await readSecret(api, namespace, tls.ca);
  const answer = await reach(api, { namespace, service, port }, (local) =>
    ask(
      {
        host: '127.0.0.1',
        port: local,
        method,
        path,
        headers,
        signal,
        agent: false,
        ...(tls === undefined
          ? {}
          : { servername: `${service}.${namespace}.svc`, rejectUnauthorized: !tls.insecure, ca }),
      },
      tls !== undefined,
      check.body,
      what,
    ),
  );
  return judge(check, answer, what);
}

async function headersOf(
  { headers, secret_headers, basic_auth }: HttpCheck,
  api: Api,
  namespace: string,
): Promise<Record<string, string>> {
  const all = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  for (const [name, { prefix, ...secret }] of Object.entries(secret_headers))
    all[name.toLowerCase()] = `${prefix}${await readSecret(api, namespace, secret)}`;
  if (basic_auth !== undefined) {
    const { name, user, password } = basic_auth;
    const read = (key: string) => readSecret(api, namespace, { name, key });
    const pair = `${await read(user)}:${await read(password)}`;
    all.authorization = `Basic ${Buffer.from(pair).toString('base64')}`;
  }
  return all;
}

function ask(
  options: RequestOptions & https.RequestOptions,
  secure: boolean,
  body: string | undefined,
  what: string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(error instanceof CheckError ? error : connectionError(what, error));
    const request = (secure ? https : http).request(options, (response) => read(response, resolve, fail));
    const timer = setTimeout(
      () => request.destroy(notYet(`${what} was not answered within ${PATIENCE / 1000} s`)),
      PATIENCE,
    );
    request.on('close', () => clearTimeout(timer));
    request.on('error', fail);
    request.end(body);
  });
}

function connectionError(what: string, error: NodeJS.ErrnoException): CheckError {
  if (!/CERT|ALTNAME|UNABLE_TO_/.test(error.code ?? '')) return notYet(`${what}: ${error.message}`);
  return final(
    `${what}: its certificate is not trusted: ${error.message}`,
    'name its authority with `tls: { ca: { name: SECRET, key: ca.crt } }`',
  );
}

function read(
  response: IncomingMessage,
  resolve: (answer: Answer) => void,
  fail: (error: Error) => void,
): void {
  let body = '';
  const done = () => resolve({ status: response.statusCode ?? 0, body });
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    body += chunk;
    if (body.length < MOST) return;
    done();
    response.destroy();
  });
  response.on('error', fail);
  response.on('end', done);
}

function judge(check: HttpCheck, { status, body }: Answer, what: string): string {
  const { contains, json } = check;
  const right = check.status?.includes(status) ?? (status >= 200 && status <= 299);
  if (!right) {
    const wanted = check.status === undefined ? '200 to 299' : check.status.join(' or ');
    const message = `${what} answered ${status}, expected ${wanted}${body.trim() === '' ? '' : `: ${shown(body)}`}`;
    throw status === 401 || status === 403 ? refused(message) : notYet(message);
  }
  if (contains !== undefined && !body.includes(contains))
    throw notYet(
      `${what} answered ${status}, without ${JSON.stringify(contains)}: ${shown(body) || 'nothing'}`,
    );
  const expected = Object.entries(json);
  const document = expected.length === 0 ? undefined : parse(body, what);
  for (const [path, value] of expected) {
    const found = valueAt(document, path);
    if (found === value) continue;
    throw notYet(
      `${what} answered ${path}: ${found === undefined ? 'nothing' : shown(JSON.stringify(found))}, expected ${JSON.stringify(value)}`,
    );
  }
  const proofs = [
    ...(contains === undefined ? [] : [`holds ${JSON.stringify(contains)}`]),
    ...expected.map(([path, value]) => `${path} is ${JSON.stringify(value)}`),
  ];
  return `${what} answered ${status}${proofs.length === 0 ? '' : `, ${proofs.join(', ')}`}`;
}

function parse(body: string, what: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw notYet(`${what} did not answer with JSON: ${shown(body) || 'nothing'}`);
  }
}

/** `nodes.0.state`: keys of maps, numbers of items from 0. */
function valueAt(document: unknown, path: string): unknown {
  let current = document;
  for (const key of path.split('.')) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, key)) return undefined;
    current = (current as Record<string, unknown>)[key];
  }
  return current;
}

function shown(body: string): string {
  const line = body.replace(/\s+/g, ' ').trim();
  return line.length > 200 ? `${line.slice(0, 199)}…` : line;
}
