/** The words of the protocol for what a run is; spelled exactly as vantage6 does. */
export const RUN_STATUSES = [
  'pending',
  'initializing',
  'active',
  'completed',
  'failed',
  'start failed',
  'non-existing Docker image',
  'crashed',
  'killed by user',
  'not allowed',
  'unknown error',
] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

const GOING: readonly RunStatus[] = ['pending', 'initializing', 'active'];

/** Whether nothing comes after it. */
export function isTerminal(status: RunStatus): boolean {
  return !GOING.includes(status);
}

/** What a run is known by; kept as an annotation of its Job, so it holds no secret. */
export interface RunRef {
  runId: number;
  taskId: number;
  parentId?: number;
  organizationId?: number;
  collaborationId?: number;
  /** The organization that gets the result. */
  initiatorId?: number;
}

/** One algorithm that the server wants to be run. */
export interface RunRequest extends RunRef {
  image: string;
  /** Arguments of the program; undefined leaves the image's own. */
  args?: string[];
  /** What stands in the input file. */
  input?: Uint8Array;
  token?: string;
  databases: string[];
  /** Who asked: for the policies. */
  userId?: number;
  storeUrl?: string;
  /** Words that were accepted and have no meaning here. */
  unused?: Record<string, unknown>;
}

/** How a run ended. */
export interface Outcome {
  status: RunStatus;
  result: Uint8Array;
  log: string;
  /** RFC 3339 */
  finishedAt: string;
}

/** What the node tells while it works. */
export type NodeEvent =
  | { type: 'node'; state: 'connecting' | 'connected' | 'disconnected' | 'ready' | 'ended'; message: string }
  | { type: 'run'; run: number; status: RunStatus; message: string }
  | {
      type: 'result';
      run: number;
      task: number;
      parent?: number;
      status: RunStatus;
      data: string;
      logs: string;
    }
  | { type: 'warning'; message: string };

export type Tell = (event: NodeEvent) => void;
