import { DatamillError, unreachableError } from '../errors.ts';
import { abortError } from '../util/abort.ts';
import { openSocket, type ServerSocket } from './protocol/socket.ts';

/** Milliseconds until the server has to be there, and to say something. */
const CONNECT = 15_000;
const ANSWER = 5000;

export interface SubmitOptions {
  url: string;
  /** The message, as `command_request` has it. */
  request: Record<string, unknown>;
  /** How many nodes have to answer; all that the server knows when left out. */
  nodes?: number;
  signal: AbortSignal;
  tell(message: Record<string, unknown>): void;
}

export interface SubmittedResult {
  node: string;
  status: string;
  result: string;
  log: string;
}

/**
 * Sends a task in the dialect of the proof of concept and waits for what the nodes made of it.
 *
 * @returns nothing when the server is one that takes no results.
 * @throws {DatamillError} NODE_SERVER (exit 4), NODE_NO_NODES
 */
export async function submit(options: SubmitOptions): Promise<SubmittedResult[]> {
  const { url, request, signal, tell } = options;
  const results: SubmittedResult[] = [];
  const { socket, connected } = dial(url);
  let wanted = Number.POSITIVE_INFINITY;
  let done = (): void => undefined;
  const all = new Promise<void>((resolve) => {
    done = resolve;
  });
  socket.on('algorithm_status_change', (message: Record<string, unknown>) => tell(message));
  socket.on('run_result', (message: Record<string, unknown>) => {
    results.push(readResult(message));
    tell({ ...message, result: undefined, log: undefined });
    if (results.length >= wanted) done();
  });
  const stop = () => done();
  signal.addEventListener('abort', stop);
  try {
    await connected;
    const answer = (await socket.askOnce('command_request', request, ANSWER)) as
      | { nodes?: number }
      | undefined;
    if (answer?.nodes === undefined) return [];
    if (answer.nodes === 0) {
      throw new DatamillError('NODE_NO_NODES', `no node is connected to ${url}`, {
        hint: '`datamill node start --config node.yaml` connects one',
      });
    }
    wanted = options.nodes ?? answer.nodes;
    if (results.length < wanted) await all;
    if (signal.aborted) throw abortError(signal);
    return results;
  } finally {
    signal.removeEventListener('abort', stop);
    socket.close();
  }
}

function dial(url: string): { socket: ServerSocket; connected: Promise<void> } {
  let last = 'it does not answer';
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const socket = openSocket({
    url,
    onConnect: () => open(),
    onDisconnect: () => undefined,
    onRefused: (message) => {
      last = message;
    },
  });
  let timer: NodeJS.Timeout;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const hint = 'is `datamill node server` running there?';
      reject(unreachableError('NODE_SERVER', `the server at ${url} cannot be reached: ${last}`, { hint }));
    }, CONNECT);
  });
  return { socket, connected: Promise.race([opened, late]).finally(() => clearTimeout(timer)) };
}

function readResult({ node_id, status, result, log }: Record<string, unknown>): SubmittedResult {
  const bytes = result instanceof Uint8Array ? Buffer.from(result) : Buffer.from(String(result ?? ''));
  return {
    node: String(node_id),
    status: String(status),
    result: bytes.toString('utf8'),
    log: String(log ?? ''),
  };
}
