import { setMaxListeners } from 'node:events';
import type { Socket } from 'node:net';
import type { Api } from '../kube/client.ts';
import { condition, items, text } from '../kube/fields.ts';
import { list } from '../kube/objects.ts';
import type { KubeObject } from '../kube/types.ts';
import { abortError, pause } from '../util/abort.ts';
import { connectWithin } from './connect.ts';
import { noReadyNode, nodesUnreachable } from './errors.ts';

/** Milliseconds for one node to answer. */
const ANSWER_WITHIN = 5000;
/** Milliseconds until nodes have heard of a service that is new: before that they refuse. */
const LEARNT_WITHIN = 30_000;
const AGAIN_AFTER = 200;
/** Nodes that are tried. */
const MOST = 6;

interface NodeDial {
  port: number;
  signal: AbortSignal;
  /** Told once, when no node answers yet. */
  onWait?(message: string): void;
  /** Milliseconds after which nothing is hoped for any more. */
  patience?: number;
}

/**
 * Connects to a port that every node opens, at the node that is the fastest to answer. Nodes hear
 * of a new service some time after it was made, and refuse until then: that is waited for.
 *
 * @throws {DatamillError} NO_NODE (exit 4) with what each one said.
 */
export async function dialNodes(api: Api, { port, signal, onWait, patience = LEARNT_WITHIN }: NodeDial) {
  const addresses = await nodeAddresses(api, signal);
  if (addresses.length === 0) throw noReadyNode();
  const deadline = Date.now() + patience;
  let told = false;
  for (;;) {
    try {
      return await fastest(addresses, port, signal);
    } catch (error) {
      if (signal.aborted) throw abortError(signal);
      if (Date.now() > deadline) throw nodesUnreachable(addresses, port, error as AggregateError);
    }
    if (!told) onWait?.(`waiting for a node to answer on port ${port}`);
    told = true;
    await pause(AGAIN_AFTER, signal);
  }
}

/** Every node answers for the service: those that are ready, addresses for the outside first. */
async function nodeAddresses(api: Api, signal: AbortSignal): Promise<string[]> {
  const nodes = await list(api, { apiVersion: 'v1', kind: 'Node' }, { signal });
  const ready = nodes.filter((node) => condition(node, 'Ready')?.status === 'True');
  const of = (node: KubeObject, type: string) =>
    items(node.status?.addresses).flatMap((one) => (one.type === type ? [text(one.address)] : []));
  const each = ready.map((node) => [...of(node, 'ExternalIP'), ...of(node, 'InternalIP')]);
  return [...new Set(each.flat())].slice(0, MOST);
}

/** @throws {AggregateError} with one error for each address, in their order. */
async function fastest(addresses: readonly string[], port: number, signal: AbortSignal): Promise<Socket> {
  const others = new AbortController();
  const ends = AbortSignal.any([signal, others.signal]);
  setMaxListeners(0, ends);
  let found = false;
  return await Promise.any(
    addresses.map(async (host) => {
      const socket = await connectWithin({ host, port }, ANSWER_WITHIN, ends);
      // Two may answer before the first of them is heard.
      if (found) {
        socket.destroy();
        throw new Error('another one was faster');
      }
      found = true;
      others.abort();
      return socket;
    }),
  );
}
