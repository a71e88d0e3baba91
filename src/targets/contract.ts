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

/** A command line that a driver means to run: data, so that it can be shown instead. */
export interface Command {
  /** What it does, one line. */
  about: string;
  command: readonly string[];
  /** What it reads from standard input. */
  input?: string;
}

/** What a kind of target can do; docs/targets.md draws the same table. */
export interface Abilities {
  /** `stop` keeps what is in the cluster, and `start` brings it back. */
  stop: boolean;
  /** More than one node. */
  nodes: boolean;
  /** `cpus`, `memory` and `storage` are kept to. */
  sizes: boolean;
  /** Images can be handed to the nodes from files, without a registry. */
  images: boolean;
  /** How GPUs come to pods; undefined: they do not. */
  gpu?: 'driver' | 'component' | 'simulated';
  /** The class that claims get which name none; undefined: it is the cluster's own business. */
  storageClass?: string;
  /** Costs money for as long as it is there. */
  billed: boolean;
  /** What the driver was tried on. */
  tried: 'cluster' | 'command line' | 'documentation';
}

/** A program that a driver calls, and whether it will do. */
export interface Detected {
  program: string;
  /** Undefined when it is not there. */
  version?: string;
  /** What is wrong with it, and what to do. */
  problem?: { message: string; hint: string };
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
  /** Take over a cluster of the same name that somebody else made. */
  adopt?: boolean;
  /** Asks the user; undefined when there is nobody to ask. `hidden`: the answer is not shown. */
  ask?(question: string, how?: { hidden?: boolean }): Promise<string | undefined>;
  /** The way to the cluster is held open for longer than one command. */
  hold?: boolean;
  /** A machine that was never seen is believed at first contact. */
  acceptHostKey?: boolean;
}

/** One file per driver implements this; see docs/targets.md. */
export interface Driver {
  readonly name: string;
  readonly simulated: boolean;
  /** Whether `destroy`, `start` and `stop` are ours to do (never on an existing context). */
  readonly ownsCluster: boolean;
  readonly abilities: Abilities;
  /** The programs that it needs, on this machine or on the one that it reaches. */
  detect(spec: TargetSpec, io?: Partial<TargetIO>): Promise<Detected[]>;
  status(spec: TargetSpec, io?: Partial<TargetIO>): Promise<TargetState>;
  /** Creates or starts the cluster, brings it to what the spec says, and waits until its API server is ready. */
  up(spec: TargetSpec, io: TargetIO): Promise<TargetHandle>;
  /** The handle of a cluster that is there; throws UNREACHABLE-class errors with exit code 4 when it is not. */
  connect(spec: TargetSpec, io?: Partial<TargetIO>): Promise<TargetHandle>;
  stop(spec: TargetSpec, io: TargetIO): Promise<void>;
  destroy(spec: TargetSpec, io: TargetIO): Promise<void>;
  /** The command lines that `up` would run, for `--dry-run`. */
  plan(spec: TargetSpec, io?: Partial<TargetIO>): Promise<Command[]>;
  /** Those that `stop` and `destroy` would run. */
  planEnd(spec: TargetSpec, verb: 'stop' | 'destroy', io?: Partial<TargetIO>): Promise<Command[]>;
  /** What will be paid for, one line each; empty where nothing is. */
  costs(spec: TargetSpec): string[];
  /** Hands image archives (`docker save`, OCI) to the nodes. */
  loadImages(spec: TargetSpec, archives: readonly string[], io: TargetIO): Promise<void>;
}
