import * as z from 'zod';
import { type NodeConfig, serverUrl } from '../config.ts';
import type { RunRef, RunRequest, RunStatus } from '../types.ts';
import { type Handler, jobName, type Layout, type Protocol } from './contract.ts';
import { openSocket, type ServerSocket } from './socket.ts';

/** Where the first vantage6 on Kubernetes had input and output. */
const INPUT = '/app/input/csv';
const OUTPUT = '/app/output';
const SCRATCH = '/app/tmp';
const TOKEN = '/app/token';
/** Milliseconds for the greeting; the original server says nothing in it. */
const GREETING = 5000;

const number = z.union([
  z.number(),
  z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number),
]);
const id = number.pipe(z.number().int().min(0).max(Number.MAX_SAFE_INTEGER));

/** `command`, as the original's server relays it. */
const command = z.looseObject({
  run_id: id,
  task_id: id.optional(),
  parent_id: id.nullish(),
  task_info: z.union([z.record(z.string(), z.unknown()), z.array(z.unknown())]).default({}),
  image: z.string(),
  docker_input: z.unknown().optional(),
  tmp_vol_name: z.unknown().optional(),
  token: z.string().nullish(),
  databases_to_use: z.array(z.string()).nullish(),
});

/**
 * A run as the message asks for it. The values of `task_info`, in their order, become the
 * arguments; `docker_input` and `tmp_vol_name` are left from Docker and mean nothing here.
 *
 * @throws {ZodError} when it is no command.
 */
export function readCommand(message: unknown): RunRequest {
  const { run_id, task_id, parent_id, task_info, image, token, databases_to_use } = command.parse(message);
  return {
    runId: run_id,
    taskId: task_id ?? run_id,
    parentId: parent_id ?? undefined,
    image,
    args: Object.values(task_info).map((value) =>
      typeof value === 'string' ? value : JSON.stringify(value),
    ),
    token: token ?? undefined,
    databases: databases_to_use ?? [],
  };
}

/**
 * The dialect of the proof of concept. Its server takes no results: they are told on standard
 * output. A server that answers the greeting with `{reports: true}`, as ours does, is also sent
 * `algorithm_status_change` and `run_result`.
 */
export function pocProtocol(config: NodeConfig): Protocol {
  const closed = new AbortController();
  let socket: ServerSocket | undefined;
  let reports = false;
  /** Before the greeting nobody knows whether the server takes results. */
  const greeted = resolvers();
  const end = () => {
    closed.abort();
    greeted.resolve();
  };
  return {
    name: 'poc',
    async start(handler, signal) {
      const url = serverUrl(config);
      handler.tell('connecting', url);
      const own = openSocket({
        url,
        onConnect: () => {
          own.askOnce('node_connection_request', '', GREETING).then((answer) => {
            reports = (answer as { reports?: boolean } | undefined)?.reports === true;
            handler.tell('connected', reports ? `${url}, which takes results` : url);
            greeted.resolve();
          });
        },
        onDisconnect: (reason) => handler.tell('disconnected', reason),
        onRefused: (message) => handler.tell('connecting', `${url}: ${message}`),
      });
      socket = own;
      listen(own, handler);
      signal.addEventListener('abort', end);
      await greeted.promise;
    },
    layout: (request) => layoutOf(request, config),
    async change(run, status) {
      await greeted.promise;
      closed.signal.throwIfAborted();
      if (reports)
        await socket!.ask('algorithm_status_change', wire(run, status, config.name), closed.signal);
    },
    async finish(run, outcome, again) {
      await greeted.promise;
      closed.signal.throwIfAborted();
      if (!reports) return;
      const { status, log, result, finishedAt } = outcome;
      const data = Buffer.from(result);
      const message = {
        ...wire(run, status, config.name),
        result: data,
        log,
        finished_at: finishedAt,
        again,
      };
      await socket!.ask('run_result', message, closed.signal);
    },
    close() {
      end();
      socket?.close();
    },
  };
}

function listen(socket: ServerSocket, handler: Handler): void {
  socket.on('command', (message: unknown, answer?: (word: unknown) => void) => {
    try {
      handler.run(readCommand(message));
      answer?.({ accepted: true });
    } catch (error) {
      const why = error instanceof z.ZodError ? z.prettifyError(error).replaceAll('\n', ' ') : String(error);
      handler.warn(`a command that is none was left out: ${why}`);
      answer?.({ accepted: false, reason: why });
    }
  });
  socket.on('kill_containers', (message: { kill_list?: Array<{ run_id: number }> }) => {
    handler.kill(message?.kill_list?.map(({ run_id }) => run_id));
  });
}

function wire(run: RunRef, status: RunStatus, node: string): Record<string, unknown> {
  return { node_id: node, run_id: run.runId, task_id: run.taskId, parent_id: run.parentId ?? null, status };
}

function layoutOf(request: RunRequest, { jobs }: NodeConfig): Layout {
  const files: Layout['files'] = {};
  if (jobs.token_file && request.token !== undefined) files[TOKEN] = Buffer.from(request.token);
  return {
    jobName: jobName('poc', request.runId),
    command: jobs.command,
    args: request.args,
    env: [],
    files,
    databasePath: (label, type) => (type === 'csv' ? `${INPUT}/${label}` : `/app/input/${type}/${label}`),
    outputFolder: OUTPUT,
    scratchFolder: SCRATCH,
  };
}

function resolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
