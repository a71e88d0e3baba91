import { io, type Socket } from 'socket.io-client';
import { UNENFORCED } from '../../src/node/config.ts';
import { type RunningServer, startServer } from '../../src/node/server/index.ts';
import { applyObjects, clusterFlags } from './cluster.ts';
import { eventually } from './eventually.ts';
import { type Running, start } from './process.ts';
import type { Project } from './project.ts';

export interface Message {
  run_id: number;
  node_id: string;
  status: string;
  result?: Uint8Array;
  log?: string;
}

/** A development server in this process, and a client of it that keeps what it is told. */
export interface Playground {
  server: RunningServer;
  client: Socket;
  statuses: Message[];
  results: Message[];
  /** Sends `command_request`; gives the number of nodes that it went to. */
  send(request: object): Promise<number>;
  statusesOf(run: number): string[];
  resultOf(run: number): Promise<Message>;
  close(): Promise<void>;
}

export async function playground(port = 0): Promise<Playground> {
  const server = await startServer({ host: '127.0.0.1', port, tell: () => undefined });
  const client = io(`http://127.0.0.1:${server.port}`, { forceNew: true });
  const statuses: Message[] = [];
  const results: Message[] = [];
  client.on('algorithm_status_change', (message: Message) => statuses.push(message));
  client.on('run_result', (message: Message) => results.push(message));
  await new Promise((resolve) => client.once('connect', () => resolve(undefined)));
  return {
    server,
    client,
    statuses,
    results,
    send: async (request) => (await client.emitWithAck('command_request', request)).nodes,
    statusesOf: (run) =>
      [...statuses, ...results].filter((one) => one.run_id === run).map(({ status }) => status),
    resultOf: (run) =>
      eventually(async () => {
        const found = results.find((one) => one.run_id === run);
        if (found === undefined) throw new Error(`run ${run} has no result yet: ${JSON.stringify(statuses)}`);
        return found;
      }, 150),
    close: async () => {
      client.disconnect();
      await server.close();
    },
  };
}

/** Writes node.yaml for a namespace of its own, which is made. */
export async function writeNode(
  project: Project,
  port: number,
  { jobs = {}, ...more }: Record<string, unknown> & { jobs?: object } = {},
): Promise<string> {
  const { namespace } = project;
  await applyObjects({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
  });
  return await project.write('node.yaml', {
    name: 'alpha',
    server: { server_ip: '127.0.0.1', port },
    namespace,
    jobs: { namespace, ...jobs },
    // Pods of a rehearsal are simulated: nothing can be shown from inside of them.
    isolation: { unenforced: UNENFORCED },
    ...more,
  });
}

/** Starts `datamill node start`, and waits until it is connected. */
export async function startNode(config: string): Promise<Running> {
  const node = start(['node', 'start', '--config', config, ...clusterFlags()]);
  await node.until((events) => events.some(({ state }) => state === 'ready'));
  if (!node.events.some(({ state }) => state === 'ready'))
    throw new Error(`the node ended: ${node.stderr()}`);
  return node;
}

export function nodeFlags(config: string): string[] {
  return ['--config', config, ...clusterFlags()];
}
