import type { Outcome, RunRef, RunRequest, RunStatus } from '../types.ts';

/** What the node does when the server asks for it. */
export interface Handler {
  run(request: RunRequest): void;
  /** Undefined: all that there are. */
  kill(runIds: readonly number[] | undefined): void;
  tell(state: 'connecting' | 'connected' | 'disconnected', message: string): void;
  warn(message: string): void;
}

/** What the protocol wants to have in the pod of a run. */
export interface Layout {
  /** Of the Job and, without the prefix, of the container. */
  jobName: string;
  command?: string[];
  args?: string[];
  env: Array<{ name: string; value: string }>;
  /** Files that the node gives, by path; kept in a Secret. */
  files: Record<string, Uint8Array>;
  /** Where a database is mounted. */
  databasePath(label: string, type: string): string;
  /** Folder of the output. */
  outputFolder: string;
  /** The one file of it that counts; undefined: all. */
  outputFile?: string;
  /** Folder that is kept for the run alone. */
  scratchFolder: string;
}

/**
 * One dialect between a server and a node. `poc` and `v4` are those that there are; docs/node.md
 * has the names and encodings of v5 beside them.
 */
export interface Protocol {
  readonly name: 'poc' | 'v4';
  /** Connects, and goes on connecting until `close`; settles when it is connected for the first time. */
  start(handler: Handler, signal: AbortSignal): Promise<void>;
  layout(request: RunRequest): Layout;
  /** Settles when the server has it, or could not be told what will be told by a later change. */
  change(run: RunRef, status: RunStatus): Promise<void>;
  /**
   * Settles when the server surely has it.
   *
   * @param again it may have been sent before: the server is asked first.
   */
  finish(run: RunRef, outcome: Outcome, again: boolean): Promise<void>;
  close(): void;
}

/** The Job of a run, in the form of each protocol: the name is the lock that makes it run once. */
export function jobName(protocol: Protocol['name'], runId: number): string {
  return protocol === 'poc' ? String(runId) : `v6-run-${runId}`;
}
