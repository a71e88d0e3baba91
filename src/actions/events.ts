/** The phases of a component's installation, in order; `target` and `lock` stand before the first component. */
export type Phase =
  | 'tools'
  | 'target'
  | 'preflight'
  | 'lock'
  | 'repair'
  | 'plan'
  | 'secrets'
  | 'buckets'
  | 'before'
  | 'install'
  | 'objects'
  | 'after'
  | 'data'
  | 'check'
  | 'uninstall'
  /** Of a pipeline. */
  | 'upload'
  | 'run';

export type StepState = 'waiting' | 'running' | 'done' | 'failed' | 'skipped';

/** Something happened to a step. Steps without a component are those of the whole run. */
export interface StepEvent {
  type: 'step';
  component?: string;
  phase: Phase;
  state: StepState;
  message: string;
  /** How long it has taken, where that is known better than by when the events came. */
  seconds?: number;
  /** How far a transfer of data is; sizes in bytes. */
  progress?: { files: number; allFiles: number; bytes: number; allBytes: number };
}

export interface WarningEvent {
  type: 'warning';
  message: string;
  file?: string;
  line?: number;
  column?: number;
}

/** How many checks came to what. */
export interface CheckCounts {
  passed: number;
  failed: number;
  skipped: number;
}

export interface SummaryEvent {
  type: 'summary';
  result: 'ok' | 'failed' | 'interrupted';
  simulated: boolean;
  installed: number;
  upgraded: number;
  unchanged: number;
  removed: number;
  failed: number;
  skipped: number;
  /** Absent when checks were not part of the run. */
  checks?: CheckCounts;
  /** Of `down`: volumes and secrets that stay or, with `--delete-data`, that were deleted. */
  data?: { deleted: boolean; volumes: string[]; secrets: string[]; namespaceDeleted: boolean };
  seconds: number;
}

/** The end of a `data push`; `bytes` is what was sent or, in a dry run, would be. */
export interface DataSummaryEvent {
  type: 'summary';
  result: 'ok' | 'failed' | 'interrupted';
  dryRun: boolean;
  sent: number;
  unchanged: number;
  removed: number;
  failed: number;
  bytes: number;
  seconds: number;
}

/** A component that failed, and why; comes once for each, before the summary. */
export interface FailureEvent {
  type: 'failure';
  component: string;
  message: string;
  hint?: string;
  /** What the cluster says: `object` as `Pod/minio-0`, its own `reason`, and one sentence. */
  findings: Array<{ object: string; container?: string; severity: string; reason: string; message: string }>;
  /** The last lines of the containers that failed. */
  logs: Array<{ container: string; lines: string[] }>;
  /** Commands to look further. */
  commands: string[];
}

/** The end of a `pipeline watch`; numbers are those of tasks. */
export interface PipelineSummaryEvent {
  type: 'summary';
  result: 'ok' | 'failed' | 'interrupted';
  workflow: string;
  /** Argo's word, such as Succeeded; empty before its controller has seen the workflow. */
  phase: string;
  tasks: number;
  succeeded: number;
  failed: number;
  /** Not run, as what they need failed. */
  omitted: number;
  seconds: number;
}

export type DatamillEvent =
  | StepEvent
  | WarningEvent
  | FailureEvent
  | SummaryEvent
  | DataSummaryEvent
  | PipelineSummaryEvent;

/** Actions tell what they do through this and print nothing themselves. */
export type Reporter = (event: DatamillEvent) => void;
