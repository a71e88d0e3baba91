import type { Api } from '../kube/client.ts';
import type { NodeConfig } from './config.ts';
import { AlgorithmNode } from './engine/node.ts';
import { requireIsolation } from './isolation/gate.ts';
import { pocProtocol } from './protocol/poc.ts';
import { v4Protocol } from './protocol/v4.ts';
import type { Tell } from './types.ts';

export { type NodeConfig, readNodeConfig } from './config.ts';
export { examineNode, type NodeFinding } from './doctor.ts';
export { collectRuns, killRuns, listRuns, type RunEntry } from './manage.ts';
export { startProxy } from './proxy/index.ts';
export { type ServerEvent, startServer } from './server/index.ts';
export { type SubmittedResult, submit } from './submit.ts';
export type { NodeEvent } from './types.ts';

/**
 * Runs a node until the signal fires; its Jobs go on after it.
 *
 * @throws {DatamillError} NODE_NOT_ISOLATED, NODE_PROXY (exit 3); what the API server refuses.
 */
export async function runNode(api: Api, config: NodeConfig, tell: Tell, signal: AbortSignal): Promise<void> {
  const gate = await requireIsolation(
    api,
    config,
    (message) => tell({ type: 'node', state: 'connecting', message }),
    signal,
  );
  const protocol = config.server.protocol === 'v4' ? v4Protocol(config) : pocProtocol(config);
  await new AlgorithmNode({ api, config, protocol, gate, tell, signal }).run();
  tell({ type: 'node', state: 'ended', message: 'what runs goes on, and is taken up by the next start' });
}
