import type { Server, Socket } from 'socket.io';

/** Requests whose results are still sent to whoever asked; older ones are forgotten. */
const REMEMBERED = 10_000;

type Message = Record<string, unknown>;
type Answer = ((word: unknown) => void) | undefined;

export interface ServerEvent {
  type: 'server';
  what: 'node' | 'request' | 'status' | 'result' | 'kill';
  message: string;
}

/**
 * The namespace `/` as the proof of concept's server has it: whoever sends
 * `node_connection_request` is a node, and every `command_request` is relayed to all nodes as
 * `command`. Beyond the original it answers what it is asked, and passes statuses and results on
 * to whoever made the request.
 */
export function pocNamespace(server: Server, tell: (event: ServerEvent) => void): void {
  const nodes = new Map<string, Socket>();
  const asked = new Map<string, Set<Socket>>();
  const results = new Map<string, Message>();
  const say = (what: ServerEvent['what'], message: string) => tell({ type: 'server', what, message });
  const relay = (event: string, message: Message) => {
    for (const socket of asked.get(String(message.run_id)) ?? []) socket.emit(event, message);
  };
  server.of('/').on('connection', (socket) => {
    socket.on('node_connection_request', (...args: unknown[]) => {
      nodes.set(socket.id, socket);
      say('node', `${nodes.size} connected`);
      answerOf(args)?.({ reports: true });
    });
    socket.on('disconnect', () => {
      if (nodes.delete(socket.id)) say('node', `${nodes.size} connected`);
      for (const sockets of asked.values()) sockets.delete(socket);
    });
    socket.on('command_request', (...args: unknown[]) => {
      const message = (args[0] ?? {}) as Message;
      const key = String(message.run_id);
      remember(asked, key, (asked.get(key) ?? new Set()).add(socket));
      for (const node of nodes.values()) node.emit('command', message);
      say('request', `run ${key} to ${nodes.size} nodes`);
      answerOf(args)?.({ nodes: nodes.size });
    });
    socket.on('kill_containers', (...args: unknown[]) => {
      for (const node of nodes.values()) node.emit('kill_containers', args[0]);
      say('kill', JSON.stringify(args[0] ?? 'all').slice(0, 200));
      answerOf(args)?.({ nodes: nodes.size });
    });
    socket.on('algorithm_status_change', (...args: unknown[]) => {
      const message = (args[0] ?? {}) as Message;
      say('status', `run ${message.run_id} at ${message.node_id}: ${message.status}`);
      relay('algorithm_status_change', message);
      answerOf(args)?.({ taken: true });
    });
    socket.on('run_result', (...args: unknown[]) => {
      const message = (args[0] ?? {}) as Message;
      const key = `${message.node_id}/${message.run_id}`;
      // Sent again by a node that did not see our answer.
      const isNew = !results.has(key);
      remember(results, key, message);
      if (isNew) {
        say('result', `run ${message.run_id} at ${message.node_id}: ${message.status}`);
        relay('run_result', message);
      }
      answerOf(args)?.({ taken: isNew });
    });
  });
}

/** socket.io puts the function that answers last. */
function answerOf(args: readonly unknown[]): Answer {
  const last = args.at(-1);
  return typeof last === 'function' ? (last as Answer) : undefined;
}

function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > REMEMBERED) map.delete(oldest!);
}
