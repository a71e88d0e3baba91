import { DATA_MILL, MANAGED_BY } from '../../kube/labels.ts';
import { fields, text } from '../../kube/fields.ts';
import type { KubeObject } from '../../kube/types.ts';
import type { RunRef, RunStatus } from '../types.ts';

/** Name of the node whose run it is; everything that a node makes carries it. */
export const NODE = 'datamill.io/node';
export const RUN = 'datamill.io/run';
/** JSON of a `RunRef`. */
const REF = 'datamill.io/run-ref';
/** JSON of how the run ended, written before the server is told. */
export const TERMINAL = 'datamill.io/terminal';
/** The last status before the end that the server was told. */
export const TOLD = 'datamill.io/told';
/** The server has it. */
export const DELIVERED = 'datamill.io/delivered';
/** Somebody wants the run to end. */
export const KILL = 'datamill.io/kill';

export function runLabels(node: string, runId: number, protocolName: string): Record<string, string> {
  return { [MANAGED_BY]: DATA_MILL, [NODE]: node, [RUN]: String(runId), app: protocolName };
}

export function nodeSelector(node: string): string {
  return `${MANAGED_BY}=${DATA_MILL},${NODE}=${node}`;
}

export function refAnnotation(ref: RunRef): Record<string, string> {
  const { runId, taskId, parentId, organizationId, collaborationId, initiatorId } = ref;
  return {
    [REF]: JSON.stringify({ runId, taskId, parentId, organizationId, collaborationId, initiatorId }),
  };
}

/** Undefined for Jobs that are no runs of this node. */
export function refOfJob(job: KubeObject, node: string): RunRef | undefined {
  if (job.metadata.labels?.[NODE] !== node) return undefined;
  try {
    const ref = JSON.parse(job.metadata.annotations?.[REF] ?? '') as RunRef;
    return Number.isSafeInteger(ref.runId) ? ref : undefined;
  } catch {
    return undefined;
  }
}

/** What stands in the annotation `TERMINAL`. */
export interface Terminal {
  status: RunStatus;
  finishedAt: string;
  /** Secrets that hold result and log. */
  parts: number;
}

export function terminalOf(job: KubeObject): Terminal | undefined {
  const annotation = job.metadata.annotations?.[TERMINAL];
  return annotation === undefined ? undefined : (JSON.parse(annotation) as Terminal);
}

export function isDelivered(job: KubeObject): boolean {
  return job.metadata.annotations?.[DELIVERED] !== undefined;
}

export function isKilled(job: KubeObject): boolean {
  return job.metadata.annotations?.[KILL] !== undefined;
}

/** The Job that a pod belongs to. */
export function jobOfPod(pod: KubeObject): string | undefined {
  const owner = pod.metadata.ownerReferences?.find(({ kind }) => kind === 'Job');
  return owner?.name ?? (text(fields(pod.metadata.labels)['batch.kubernetes.io/job-name']) || undefined);
}
