import { gunzipSync } from 'node:zlib';

export type TaskPhase = 'waiting' | 'running' | 'done' | 'failed' | 'skipped';

/** A task of a workflow, as Argo tells it. */
export interface TaskProgress {
  /** Its own name, not the one for Argo. */
  name: string;
  state: TaskPhase;
  /** Argo's words, or what it waits for. */
  message: string;
  /** Names of the tasks that it needs. */
  needs: string[];
  /** Milliseconds since the epoch. */
  started?: number;
  ended?: number;
  /** Pods that were started for it. */
  attempts: number;
  /** Argo's name for the last attempt, which its pod carries. */
  node?: string;
}

export interface WorkflowProgress {
  /** Argo's word; empty before its controller has seen the workflow. */
  phase: string;
  message: string;
  tasks: TaskProgress[];
}

/** A node of `status.nodes`; workflow_types.go of Argo. */
interface Node {
  id: string;
  name: string;
  displayName: string;
  type: string;
  phase?: string;
  message?: string;
  startedAt?: string | null;
  finishedAt?: string | null;
  children?: string[];
}

interface Dag {
  tasks?: Array<{
    name: string;
    template: string;
    dependencies?: string[];
    arguments?: { parameters?: Array<{ name: string; value?: string }> };
  }>;
}

interface WorkflowObject {
  metadata: { name: string };
  spec?: { templates?: Array<{ name: string; dag?: Dag }> };
  status?: {
    phase?: string;
    message?: string;
    nodes?: Record<string, Node>;
    compressedNodes?: string;
    storedWorkflowTemplateSpec?: WorkflowObject['spec'];
  };
}

/** Whether a workflow in this phase does nothing any more. */
export function isOver(phase: string): boolean {
  return ['Succeeded', 'Failed', 'Error'].includes(phase);
}

/** Reads how far a workflow is that we made. */
export function workflowProgress(object: unknown): WorkflowProgress {
  const { metadata, spec, status = {} } = object as WorkflowObject;
  const templates = spec?.templates ?? status.storedWorkflowTemplateSpec?.templates ?? [];
  const tasks = templates.flatMap(({ dag }) => dag?.tasks ?? []);
  const own = new Map(
    tasks.flatMap(({ name, arguments: given }) => {
      const task = given?.parameters?.find((one) => one.name === 'task_name')?.value;
      return task === undefined ? [] : [[name, shownName(task)] as const];
    }),
  );
  const nodes = nodesOf(status);
  const byName = new Map(Object.values(nodes).map((node) => [node.name, node]));
  return {
    phase: status.phase ?? '',
    message: status.message ?? '',
    tasks: tasks.flatMap(({ name, dependencies = [] }) => {
      const shown = own.get(name);
      if (shown === undefined) return [];
      const needs = dependencies.flatMap((one) => own.get(one) ?? []);
      return [progressOf(shown, needs, byName.get(`${metadata.name}.${name}`), nodes)];
    }),
  };
}

/** Argo packs the nodes of large workflows. */
function nodesOf({ nodes, compressedNodes }: NonNullable<WorkflowObject['status']>): Record<string, Node> {
  if (compressedNodes === undefined || compressedNodes === '') return nodes ?? {};
  return JSON.parse(gunzipSync(Buffer.from(compressedNodes, 'base64')).toString('utf8')) as Record<
    string,
    Node
  >;
}

function shownName(parameter: string): string {
  if (!parameter.startsWith('base64:')) return parameter;
  return Buffer.from(parameter.slice('base64:'.length), 'base64').toString('utf8');
}

const STATES: Record<string, TaskPhase> = {
  Pending: 'waiting',
  Running: 'running',
  Succeeded: 'done',
  Failed: 'failed',
  Error: 'failed',
  Omitted: 'skipped',
  Skipped: 'skipped',
};

function progressOf(
  name: string,
  needs: string[],
  node: Node | undefined,
  nodes: Record<string, Node>,
): TaskProgress {
  if (node === undefined)
    return {
      name,
      needs,
      state: 'waiting',
      message: needs.length === 0 ? '' : `waiting for ${shortList(needs)}`,
      attempts: 0,
    };
  const attempts = node.type === 'Retry' ? (node.children ?? []).flatMap((id) => nodes[id] ?? []) : [node];
  const last = attempts.at(-1) ?? node;
  const state = STATES[node.phase ?? ''] ?? 'waiting';
  return {
    name,
    needs,
    state: state === 'running' && last.phase === 'Pending' && attempts.length === 1 ? 'waiting' : state,
    message: words(state, last, attempts),
    started: time(node.startedAt),
    ended: time(node.finishedAt),
    attempts: node.type === 'Omitted' || node.type === 'Skipped' ? 0 : attempts.length,
    node: last.id,
  };
}

function words(state: TaskPhase, last: Node, attempts: readonly Node[]): string {
  const own = last.message ?? '';
  const before = attempts.at(-2)?.message ?? '';
  if (state === 'skipped') return 'what it needs failed';
  if (attempts.length < 2) return own;
  if (state === 'done') return `at attempt ${attempts.length}`;
  const number = `attempt ${attempts.length}`;
  return state === 'failed' ? `${number}: ${own}` : `${number}, after ${before || 'a failure'}`;
}

function time(text: string | null | undefined): number | undefined {
  const value = Date.parse(text ?? '');
  return Number.isNaN(value) ? undefined : value;
}

function shortList(names: readonly string[]): string {
  return names.length > 4 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ');
}
