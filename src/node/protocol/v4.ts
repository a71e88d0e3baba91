import * as z from 'zod';
import { configError, DatamillError, errorMessage } from '../../errors.ts';
import { pause } from '../../util/abort.ts';
import { type NodeConfig, serverUrl } from '../config.ts';
import { type Cryptor, plain, rsaCryptor } from '../crypto.ts';
import { isTerminal, type Outcome, type RunRef, type RunRequest, type RunStatus } from '../types.ts';
import type { Handler, Protocol } from './contract.ts';
import { v4Layout } from './environment.ts';
import { Rest } from './rest.ts';
import { openSocket, type ServerSocket } from './socket.ts';

/** Milliseconds between signs of life, as vantage6's node sends them. */
const PING = 60_000;
const RETRY = 5000;

const ref = z.looseObject({ id: z.number().int() });
const openRun = z.looseObject({
  id: z.number().int().nonnegative(),
  input: z.string().nullish(),
  organization: ref.nullish(),
  task: z.looseObject({
    id: z.number().int(),
    image: z.string(),
    parent: ref.nullish(),
    init_org: ref.nullish(),
    init_user: ref.nullish(),
    collaboration: ref.nullish(),
    databases: z.array(z.looseObject({ label: z.string() })).nullish(),
    algorithm_store: z.looseObject({ url: z.string().optional() }).nullish(),
  }),
});

/**
 * The dialect of vantage6's version 4: runs are fetched over REST whenever the server or a new
 * connection gives occasion, so that an event which was lost costs nothing.
 */
export function v4Protocol(config: NodeConfig): Protocol {
  if (config.apiKey === undefined)
    throw configError('NODE_API_KEY', 'the v4 protocol logs in with a key, and there is none', {
      hint: 'name its file as api_key_file in node.yaml, or set DATAMILL_NODE_API_KEY',
    });
  return new V4(config, config.apiKey);
}

class V4 implements Protocol {
  readonly name = 'v4';
  readonly #config: NodeConfig;
  readonly #rest: Rest;
  readonly #cryptor: Cryptor;
  readonly #closed = new AbortController();
  #socket: ServerSocket | undefined;
  #handler!: Handler;
  #nodeId = 0;
  #syncing: Promise<void> | undefined;
  #syncAgain = false;

  constructor(config: NodeConfig, apiKey: string) {
    this.#config = config;
    this.#rest = new Rest(serverUrl(config) + config.server.api_path, apiKey);
    this.#cryptor = config.privateKey === undefined ? plain : rsaCryptor(config.privateKey);
  }

  async start(handler: Handler, signal: AbortSignal): Promise<void> {
    this.#handler = handler;
    const url = serverUrl(this.#config);
    handler.tell('connecting', url);
    await this.#untilDone(signal, async () => {
      this.#nodeId = await this.#rest.login(signal);
      await this.#shareKey(signal);
    });
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve());
      this.#socket = openSocket({
        url: `${url}/tasks`,
        headers: () => ({ Authorization: `Bearer ${this.#rest.token}` }),
        onConnect: () => {
          handler.tell('connected', `${url} as node ${this.#nodeId}`);
          this.#sync();
          resolve();
        },
        onDisconnect: (reason) => handler.tell('disconnected', reason),
        onRefused: (message) => {
          handler.tell('connecting', `${url}: ${message}`);
          // The token may have run out while nobody was connected.
          this.#rest.login(signal).catch(() => undefined);
        },
      });
      this.#listen(this.#socket);
    });
    const timer = setInterval(() => this.#socket?.emit('ping'), PING);
    this.#closed.signal.addEventListener('abort', () => clearInterval(timer));
  }

  layout(request: RunRequest) {
    return v4Layout(request, this.#config);
  }

  async change(run: RunRef, status: RunStatus): Promise<void> {
    const started = status === 'active' ? { started_at: new Date().toISOString() } : {};
    await this.#patch(run, { status, ...started });
    this.#tellOthers(run, status);
  }

  async finish(run: RunRef, outcome: Outcome, again: boolean): Promise<void> {
    if (again && (await this.#isTold(run))) return;
    const { status, log, finishedAt } = outcome;
    const result = status === 'completed' ? { result: await this.#seal(run, outcome.result) } : {};
    await this.#patch(run, { status, ...result, log, finished_at: finishedAt });
    this.#tellOthers(run, status);
  }

  close(): void {
    this.#closed.abort();
    this.#socket?.close();
  }

  #listen(socket: ServerSocket): void {
    socket.on('sync', () => this.#sync());
    socket.on('new_task_update', () => this.#sync());
    socket.on('expired_token', () => void this.#rest.login().then(() => this.#sync(), this.#warn));
    socket.on('invalid_token', () => void this.#rest.login().then(() => this.#sync(), this.#warn));
    socket.on('kill_containers', (message: { node_id?: number; kill_list?: Array<{ run_id: number }> }) => {
      if (message?.node_id !== undefined && message.node_id !== this.#nodeId) return;
      this.#handler.kill(message?.kill_list?.map(({ run_id }) => run_id));
    });
  }

  readonly #warn = (error: unknown): void => this.#handler.warn(errorMessage(error));

  /** Fetches open runs; one at a time, and once more when something came in between. */
  #sync(): void {
    this.#syncAgain = true;
    this.#syncing ??= this.#untilDone(this.#closed.signal, async () => {
      while (this.#syncAgain) {
        this.#syncAgain = false;
        await this.#fetchRuns();
      }
    }).finally(() => {
      this.#syncing = undefined;
    });
  }

  async #fetchRuns(): Promise<void> {
    for (let page = 1; ; page++) {
      const query = `state=open&node_id=${this.#nodeId}&include=task&page=${page}`;
      const { data, links } = await this.#rest.call('GET', `/run?${query}`);
      for (const one of Array.isArray(data) ? data : []) await this.#offer(one);
      if ((links as { next?: unknown } | undefined)?.next == null) return;
    }
  }

  async #offer(message: unknown): Promise<void> {
    const parsed = openRun.safeParse(message);
    if (!parsed.success)
      return this.#handler.warn(`a run that is none was left out: ${parsed.error.message}`);
    const { id, input, organization, task } = parsed.data;
    const runRef: RunRef = {
      runId: id,
      taskId: task.id,
      parentId: task.parent?.id,
      organizationId: organization?.id,
      collaborationId: task.collaboration?.id,
      initiatorId: task.init_org?.id,
    };
    try {
      const words = { task_id: task.id, image: task.image };
      const { container_token } = await this.#rest.call('POST', '/token/container', words);
      this.#handler.run({
        ...runRef,
        image: task.image,
        input: openText(this.#cryptor.decrypt(input ?? '')),
        token: String(container_token ?? ''),
        databases: task.databases?.map(({ label }) => label) ?? [],
        userId: task.init_user?.id,
        storeUrl: task.algorithm_store?.url,
      });
    } catch (error) {
      if (error instanceof DatamillError && error.code === 'NODE_DECRYPT') {
        const finishedAt = new Date().toISOString();
        await this.finish(
          runRef,
          { status: 'failed', log: error.message, result: Buffer.alloc(0), finishedAt },
          false,
        );
      } else throw error;
    }
  }

  /** The server has to have the key that others encrypt for us with. */
  async #shareKey(signal: AbortSignal): Promise<void> {
    const { publicKey } = this.#cryptor;
    if (publicKey === undefined) return;
    const node = await this.#rest.call('GET', `/node/${this.#nodeId}`, undefined, signal);
    const { id } = ref.parse(node.organization);
    const organization = await this.#rest.call('GET', `/organization/${id}`, undefined, signal);
    if (String(organization.public_key ?? '').trim() === publicKey.trim()) return;
    await this.#rest.call('PATCH', `/organization/${id}`, { public_key: publicKey }, signal);
    this.#handler.warn('the server had another public key for this organization, and has ours now');
  }

  async #seal(run: RunRef, result: Uint8Array): Promise<string> {
    if (this.#cryptor.publicKey === undefined) return this.#cryptor.encrypt(result, '');
    const organization = await this.#rest.call('GET', `/organization/${run.initiatorId}`);
    return this.#cryptor.encrypt(result, String(organization.public_key ?? ''));
  }

  async #isTold(run: RunRef): Promise<boolean> {
    const { status } = await this.#rest.call('GET', `/run/${run.runId}`);
    return isTerminal(String(status) as RunStatus);
  }

  async #patch(run: RunRef, words: object): Promise<void> {
    await this.#rest.call('PATCH', `/run/${run.runId}`, words);
  }

  /** For whoever looks on; the server has it from REST. */
  #tellOthers(run: RunRef, status: RunStatus): void {
    this.#socket?.emit('algorithm_status_change', {
      node_id: this.#nodeId,
      status,
      run_id: run.runId,
      task_id: run.taskId,
      collaboration_id: run.collaborationId,
      organization_id: run.organizationId,
      parent_id: run.parentId ?? null,
    });
  }

  async #untilDone(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    while (!signal.aborted) {
      try {
        return await work();
      } catch (error) {
        if (signal.aborted) return;
        this.#warn(error);
        await pause(RETRY, signal).catch(() => undefined);
      }
    }
  }
}

/** The user interface of vantage6 encodes texts in base64 once more: what is JSON only after that. */
function openText(bytes: Uint8Array): Uint8Array {
  const text = Buffer.from(bytes).toString('utf8');
  if (isJson(text)) return bytes;
  const inner = Buffer.from(text, 'base64');
  return isJson(inner.toString('utf8')) ? inner : bytes;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
