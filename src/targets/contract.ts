import type { ExecResult } from '../util/exec.ts';

/** What the `local:`, `remote:` or `hybrid:` section says, after validation; sizes are for one node. */
export interface TargetSpec {
  driver: string;
  /** Cluster or profile name; the kube context is derived from it by the driver. */
  name: string;
  /** CPUs per node. */
  cpus?: number;
  /** Memory per node, MiB. */
  memory?: number;
  /** Disk per node, a Kubernetes quantity such as `60G`. */
  storage?: string;
  nodes?: number;
  gpuSupport?: boolean;
  /** Kubernetes version asked for, without the leading v. */
  version?: string;
  /** hybrid: path of an existing kubeconfig. */
  config?: string;
  /** hybrid: context in that kubeconfig. */
  context?: string;
  /** Storage classes that the flavour names; a rehearsal makes them, others must have them. */
  storageClasses: string[];
  /** Everything else that the section says, for the driver. */
  settings: Record<string, unknown>;
}

/** How to talk to a running target. */
export interface TargetHandle {
  driver: string;
  /** Path of a kubeconfig, mode 0600 when it is ours. */
  kubeconfig: string;
  context: string;
  /** True when pods are simulated: nothing runs in them. */
  simulated: boolean;
}

export type TargetState = 'absent' | 'stopped' | 'running';

export interface TargetIO {
  signal?: AbortSignal;
  /** One line about what is being done now. */
  progress(message: string): void;
  /** Runs a program; injected so that dry runs print instead. */
  exec?(file: string, args: readonly string[]): Promise<ExecResult>;
}

/** One file per driver implements this; see docs/architecture.md. */
export interface Driver {
  readonly name: string;
  readonly simulated: boolean;
  /** Whether `destroy`, `start` and `stop` are ours to do (never on an existing context). */
  readonly ownsCluster: boolean;
  status(spec: TargetSpec): Promise<TargetState>;
  /** Creates or starts the cluster, brings it to what the spec says, and waits until its API server is ready. */
  up(spec: TargetSpec, io: TargetIO): Promise<TargetHandle>;
  /** The handle of a cluster that is there; throws UNREACHABLE-class errors with exit code 4 when it is not. */
  connect(spec: TargetSpec): Promise<TargetHandle>;
  stop(spec: TargetSpec, io: TargetIO): Promise<void>;
  destroy(spec: TargetSpec, io: TargetIO): Promise<void>;
  /** The command lines that `up` would run, for `--dry-run`. */
  plan(spec: TargetSpec): Promise<string[][]>;
}
