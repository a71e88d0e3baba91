import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NodeConfig } from '../../../src/node/config.ts';
import { rsaCryptor } from '../../../src/node/crypto.ts';
import type { Handler, Protocol } from '../../../src/node/protocol/contract.ts';
import { v4Protocol } from '../../../src/node/protocol/v4.ts';
import { startProxy } from '../../../src/node/proxy/index.ts';
import type { RunRequest } from '../../../src/node/types.ts';
import { eventually } from '../../helpers/eventually.ts';
import { API_KEY, type FakeVantage6, fakeVantage6 } from '../../helpers/fake-vantage6.ts';
import { nodeConfig } from '../../helpers/node.ts';

const pair = () =>
  generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
    type: 'pkcs8',
    format: 'pem',
  }) as string;
const [nodeKey, userKey] = [pair(), pair()];
const user = rsaCryptor(userKey);

let fake: FakeVantage6;
let protocol: Protocol | undefined;
const over = new AbortController();

beforeEach(async () => {
  fake = await fakeVantage6();
  fake.organizations.set(1, { public_key: user.publicKey });
});
afterEach(async () => {
  protocol?.close();
  protocol = undefined;
  await fake.close();
});

function config(more: Partial<NodeConfig> = {}): NodeConfig {
  const server = { server_ip: '127.0.0.1', port: fake.port, protocol: 'v4' };
  return { ...nodeConfig({ server, proxy: { port: 0, canary_port: 0 } }), apiKey: API_KEY, ...more };
}

function openRun(id: number, input: string) {
  const task = {
    id: 40 + id,
    image: 'avg',
    init_org: { id: 1 },
    init_user: { id: 9 },
    databases: [{ label: 'default' }],
  };
  fake.runs.set(id, { id, status: 'pending', input, organization: { id: 2 }, task });
}

async function started(of: NodeConfig) {
  const requests: RunRequest[] = [];
  const kills: unknown[] = [];
  const warnings: string[] = [];
  const handler: Handler = {
    run: (request) => void requests.push(request),
    kill: (ids) => void kills.push(ids),
    tell: () => undefined,
    warn: (message) => void warnings.push(message),
  };
  protocol = v4Protocol(of);
  await protocol.start(handler, over.signal);
  return { requests, kills, warnings, protocol };
}

const outcome = {
  status: 'completed',
  result: Buffer.from('{"average":42}'),
  log: 'done',
  finishedAt: '2026-01-01T00:00:00Z',
} as const;

describe('a node of version 4', () => {
  it('fetches what is open, over pages and tokens that run out, and tells how it ends', async () => {
    openRun(1, Buffer.from('{"method":"average"}').toString('base64'));
    openRun(2, Buffer.from('{}').toString('base64'));
    const { requests, protocol: node } = await started(config());
    await eventually(async () => expect(requests.map(({ runId }) => runId)).toEqual([1, 2]));
    expect(requests[0]).toMatchObject({
      taskId: 41,
      image: 'avg',
      databases: ['default'],
      userId: 9,
      initiatorId: 1,
    });
    expect(Buffer.from(requests[0]!.input!).toString()).toBe('{"method":"average"}');
    fake.expire();
    await node.change(requests[0]!, 'active');
    await node.finish(requests[0]!, outcome, false);
    expect(fake.patches.map(({ body }) => body.status)).toEqual(['active', 'completed']);
    expect(fake.patches[1]!.body).toMatchObject({
      result: Buffer.from(outcome.result).toString('base64'),
      log: 'done',
      finished_at: outcome.finishedAt,
    });
    // What an earlier process may have told is asked first, and not told again.
    await node.finish(requests[0]!, outcome, true);
    expect(fake.patches).toHaveLength(2);
  });

  it('hears of new runs and kills', async () => {
    const { requests, kills } = await started(config());
    openRun(3, '');
    fake.emit('new_task_update', { id: 43, parent_id: null });
    // Every sync offers what is open; the node knows what it has.
    await eventually(async () => expect(new Set(requests.map(({ runId }) => runId))).toEqual(new Set([3])));
    fake.emit('kill_containers', { collaboration_id: 1, node_id: 8, kill_list: [{ run_id: 1 }] });
    fake.emit('kill_containers', { collaboration_id: 1, kill_list: [{ run_id: 3 }] });
    await eventually(async () => expect(kills).toEqual([[3]]));
  });

  it('encrypts for whoever asked, and shares its key', async () => {
    const { publicKey, encrypt } = rsaCryptor(nodeKey);
    openRun(4, encrypt(Buffer.from('{"a":1}'), publicKey!));
    const { requests, protocol: node } = await started(config({ privateKey: nodeKey }));
    expect(fake.organizations.get(2)).toEqual({ public_key: publicKey });
    await eventually(async () => expect(requests).toHaveLength(1));
    expect(Buffer.from(requests[0]!.input!).toString()).toBe('{"a":1}');
    await node.finish(requests[0]!, outcome, false);
    const sealed = String(fake.patches.at(-1)!.body.result);
    expect(Buffer.from(user.decrypt(sealed)).toString()).toBe('{"average":42}');
  });

  it('ends a run whose input is not encrypted as it must be', async () => {
    openRun(5, 'clear');
    await started(config({ privateKey: nodeKey }));
    await eventually(async () => expect(fake.runs.get(5)?.status).toBe('failed'));
  });

  it('needs a key', () => {
    expect(() => v4Protocol(config({ apiKey: undefined }))).toThrow(/there is none/);
  });
});

describe('the proxy', () => {
  async function proxied(of: NodeConfig, path: string, init: RequestInit = {}) {
    const login = await fetch(`http://127.0.0.1:${fake.port}/api/token/node`, {
      method: 'POST',
      body: JSON.stringify({ api_key: API_KEY }),
    });
    const { access_token } = (await login.json()) as { access_token: string };
    const proxy = await startProxy({ config: of, host: '127.0.0.1', tell: () => undefined });
    try {
      const headers = { authorization: `Bearer ${access_token}` };
      const response = await fetch(`http://127.0.0.1:${proxy.port}${path}`, { ...init, headers });
      return { status: response.status, body: await response.text() };
    } finally {
      await proxy.close();
    }
  }

  it('passes requests on, and is ready', async () => {
    expect(await proxied(config(), '/datamill/ready')).toEqual({ status: 200, body: 'ready\n' });
    expect(JSON.parse((await proxied(config(), '/api/node/7?a=b')).body)).toMatchObject({ id: 7 });
    expect(fake.asked.at(-1)).toBe('GET /api/node/7?a=b');
    expect((await proxied(config(), '/api/none')).status).toBe(404);
    expect((await proxied(config(), '//elsewhere.example/')).status).toBe(400);
  });

  it('encrypts tasks for each organization, and decrypts results', async () => {
    const of = config({ privateKey: nodeKey });
    const input = Buffer.from('{"method":"part"}').toString('base64');
    const task = JSON.stringify({ name: 'sub', organizations: [{ id: 1, input }] });
    expect((await proxied(of, '/api/task', { method: 'POST', body: task })).status).toBe(201);
    const [sent] = fake.tasks[0]!.organizations as Array<{ input: string }>;
    expect(Buffer.from(user.decrypt(sent!.input)).toString()).toBe('{"method":"part"}');
    const own = rsaCryptor(nodeKey);
    fake.runs.set(9, { result: own.encrypt(Buffer.from('[1]'), own.publicKey!) });
    const { data } = JSON.parse((await proxied(of, '/api/result?task_id=1')).body);
    expect(data).toEqual([{ result: Buffer.from('[1]').toString('base64') }]);
  });

  it('sends nothing in clear for an organization without a key', async () => {
    fake.organizations.set(1, {});
    const task = JSON.stringify({ organizations: [{ id: 1, input: 'YQ==' }] });
    const { status } = await proxied(config({ privateKey: nodeKey }), '/api/task', {
      method: 'POST',
      body: task,
    });
    expect(status).toBe(502);
    expect(fake.tasks).toEqual([]);
  });
});
