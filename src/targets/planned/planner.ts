import type { DatamillError } from '../../errors.ts';
import type { ExecResult } from '../../util/exec.ts';
import type { Abilities, TargetSpec, TargetState } from '../contract.ts';
import type { Machine } from './machine.ts';
import type { Step } from './place.ts';

/** Where and what: all that command lines are made of. */
export interface Request {
  spec: TargetSpec;
  /** The machine on which they run. */
  machine: Machine;
  /** The private file into which the kubeconfig goes. */
  kubeconfig: string;
}

/** A program that must be there, and how it is had. */
export interface Program {
  name: string;
  /** How it says its version; undefined: its being there is enough. */
  version?: { args: readonly string[]; accept: string };
  install: string;
}

/**
 * A kind of cluster, described: which command lines make, start, stop and remove one, and how to
 * read what they say. Nothing here runs anything, so that all of it can be shown and tested.
 */
export interface Planner {
  readonly name: string;
  readonly abilities: Abilities;
  programs(request: Request): Program[];
  /** @throws {DatamillError} (exit 2 or 3) for what this target cannot be. */
  refuse?(request: Request): void;
  /** Looks, whatever their exit codes; in this order. */
  look(request: Request): Step[];
  /** @param results what `look` came to so far: at least the first of them. */
  read(results: readonly ExecResult[], request: Request): TargetState;
  create(request: Request): Step[];
  start(request: Request): Step[];
  stop(request: Request): Step[];
  destroy(request: Request): Step[];
  /** Writes the kubeconfig to its file, or to standard output. */
  kubeconfig(request: Request): Step & { prints: boolean };
  /** Clusters of others are what it is for: they are used, and nothing else. */
  others?: boolean;
  /** The contexts that its tool writes have names of their own; others get `DRIVER-NAME`. */
  ownContext?: boolean;
  loadImage(request: Request, archive: string): Step[];
  /** What a run cut short leaves has to go before `create`, which cannot go on with it. */
  createsAnew?: boolean;
  /** What will be paid for. */
  costs?(spec: TargetSpec): string[];
  /** The least that a node must have: CPUs, and MiB of memory. */
  limits?: { cpus: number; memory: number };
  /** A failure that is known, with its remedy. */
  explain?(result: ExecResult, request: Request): DatamillError | undefined;
}

/** As root: at once, or by sudo, which the plan shows. */
export function asRoot({ root }: Machine, command: readonly string[]): string[] {
  return root ? [...command] : ['sudo', ...command];
}
