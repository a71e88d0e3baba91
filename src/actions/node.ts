import type { Api } from '../kube/client.ts';
import { connect } from '../kube/client.ts';
import {
  collectRuns,
  examineNode,
  killRuns,
  listRuns,
  type NodeConfig,
  type NodeEvent,
  type NodeFinding,
  type RunEntry,
  readNodeConfig,
  runNode,
  type ServerEvent,
  type SubmittedResult,
  startProxy,
  startServer,
  submit as submitTask,
} from '../node/index.ts';
import { hybrid } from '../targets/hybrid.ts';

export type { NodeEvent, NodeFinding, RunEntry, ServerEvent, SubmittedResult };

export interface NodeOptions {
  /** node.yaml */
  config: string;
  kubeconfig?: string;
  context?: string;
  signal: AbortSignal;
}

/** Runs a node until the signal fires. */
export async function startNode(options: NodeOptions & { tell(event: NodeEvent): void }): Promise<void> {
  await within(options, (api, config) => runNode(api, config, options.tell, options.signal));
}

export async function nodeStatus(
  options: NodeOptions,
): Promise<{ name: string; namespace: string; runs: RunEntry[] }> {
  return await within(options, async (api, config) => ({
    name: config.name,
    namespace: config.jobs.namespace,
    runs: await listRuns(api, config, options.signal),
  }));
}

/** @param options.runs undefined: all. */
export async function killNodeRuns(
  options: NodeOptions & { runs?: number[] },
): Promise<{ killed: number[]; unknown: number[] }> {
  return await within(options, (api, config) => killRuns(api, config, options.runs, options.signal));
}

export async function nodeDoctor(options: NodeOptions): Promise<NodeFinding[]> {
  return await within(options, (api, config) => examineNode(api, config, options.signal));
}

/** @param options.ended also the Jobs whose end the server has. */
export async function nodeGc(options: NodeOptions & { ended: boolean }): Promise<string[]> {
  return await within(options, (api, config) => collectRuns(api, config, options));
}

/** Serves until the signal fires. */
export async function serveNodes(options: {
  host: string;
  port: number;
  signal: AbortSignal;
  tell(event: ServerEvent): void;
  onStart(port: number): void;
}): Promise<void> {
  const { signal, onStart, ...rest } = options;
  const server = await startServer(rest);
  onStart(server.port);
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
  await server.close();
}

/** Passes what algorithms ask on to the server until the signal fires. */
export async function serveProxy(options: {
  config: string;
  host: string;
  signal: AbortSignal;
  tell(line: string): void;
}): Promise<void> {
  const { signal, tell, host } = options;
  const proxy = await startProxy({ config: readNodeConfig(options.config), host, tell });
  tell(`listening at ${host}:${proxy.port}`);
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
  await proxy.close();
}

export async function submit(options: Parameters<typeof submitTask>[0]): Promise<SubmittedResult[]> {
  return await submitTask(options);
}

async function within<T>(
  options: NodeOptions,
  work: (api: Api, config: NodeConfig) => Promise<T>,
): Promise<T> {
  const config = readNodeConfig(options.config);
  const { kubeconfig, context } = options;
  const spec = { driver: 'hybrid', name: '', storageClasses: [], settings: {}, config: kubeconfig, context };
  const api = connect(await hybrid.connect(spec));
  try {
    return await work(api, config);
  } finally {
    api.close();
  }
}
