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
  | 'uninstall';

export type StepState = 'waiting' | 'running' | 'done' | 'failed' | 'skipped';

/** Something happened to a step. Steps without a component are those of the whole run. */
export interface StepEvent {
  type: 'step';
  component?: string;
  phase: Phase;
  state: StepState;
  message: string;
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

export type DatamillEvent = StepEvent | WarningEvent | FailureEvent | SummaryEvent | DataSummaryEvent;

/** Actions tell what they do through this and print nothing themselves. */
export type Reporter = (event: DatamillEvent) => void;
