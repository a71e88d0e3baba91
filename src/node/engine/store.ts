import type { Api } from '../../kube/client.ts';
import { create, remove } from '../../kube/objects.ts';
import type { KubeObject } from '../../kube/types.ts';
import type { Terminal } from '../job/labels.ts';
import { runLabels } from '../job/labels.ts';
import type { Outcome } from '../types.ts';

/** Bytes of one Secret; the API server takes about a million, and base64 adds a third. */
const PART = 700_000;

interface Place {
  api: Api;
  job: KubeObject;
  node: string;
  runId: number;
}

/**
 * Where results wait until the server has them: Secrets that belong to the Job, so that they
 * outlive the node and go with the Job.
 *
 * @returns how many it took.
 */
export async function keepOutcome({ api, job, node, runId }: Place, outcome: Outcome): Promise<number> {
  const whole = Buffer.concat([header(outcome), outcome.result]);
  const parts = Math.ceil(whole.length / PART);
  for (let index = 0; index < parts; index++) {
    const secret = {
      ...ownedBy(job, node, runId, partName(job, index)),
      apiVersion: 'v1',
      kind: 'Secret',
      data: { part: whole.subarray(index * PART, (index + 1) * PART).toString('base64') },
    };
    // One that is there was written by us before a crash, from the same log.
    await create(api, secret);
  }
  return parts;
}

/** The log stands before the result, after its length. */
function header({ log }: Outcome): Buffer {
  const bytes = Buffer.from(log);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** What was kept; undefined when a part of it is gone. */
export async function keptOutcome({ api, job }: Place, terminal: Terminal): Promise<Outcome | undefined> {
  const parts: Buffer[] = [];
  for (let index = 0; index < terminal.parts; index++) {
    const secret = await api.find<KubeObject>(secretPath(job, partName(job, index)));
    if (secret === undefined) return undefined;
    parts.push(Buffer.from(String(secret.data?.part ?? ''), 'base64'));
  }
  const whole = Buffer.concat(parts);
  if (whole.length < 4) return undefined;
  const length = whole.readUInt32BE(0);
  return {
    status: terminal.status,
    finishedAt: terminal.finishedAt,
    log: whole.subarray(4, 4 + length).toString('utf8'),
    result: whole.subarray(4 + length),
  };
}

/** The server has it: nothing of it stays in the cluster. */
export async function dropOutcome({ api, job }: Place, parts: number): Promise<void> {
  const { namespace } = job.metadata;
  for (let index = 0; index < parts; index++)
    await remove(api, { apiVersion: 'v1', kind: 'Secret', namespace, name: partName(job, index) });
}

function partName(job: KubeObject, index: number): string {
  return `${job.metadata.name}-result-${index}`;
}

function secretPath({ metadata }: KubeObject, name: string): string {
  return `/api/v1/namespaces/${metadata.namespace}/secrets/${name}`;
}

/** Metadata of an object that goes with the Job. */
export function ownedBy(
  job: KubeObject,
  node: string,
  runId: number,
  name: string,
): Pick<KubeObject, 'metadata'> {
  return {
    metadata: {
      name,
      namespace: job.metadata.namespace,
      labels: runLabels(node, runId, job.metadata.name),
      ownerReferences: [
        { apiVersion: 'batch/v1', kind: 'Job', name: job.metadata.name, uid: job.metadata.uid },
      ],
    },
  };
}
