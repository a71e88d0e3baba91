import type { ExecResult } from '../../util/exec.ts';
import type { Command } from '../contract.ts';

/** A command line with what its runner has to know. */
export interface Step extends Command {
  /** Variables beside the inherited ones; shown before the command. */
  env?: Readonly<Record<string, string>>;
  /** Exit codes that are as good as 0. */
  accept?: readonly number[];
  /** What is wrong although the exit code is good; undefined when nothing is. */
  verify?(result: ExecResult): string | undefined;
  /** What a line of output tells of the progress; undefined: nothing. The line itself when absent. */
  progress?(line: string): string | undefined;
  /** It may fail: what comes after it does not need it. */
  optional?: boolean;
  /** Files of this machine that must be at their place before. */
  uploads?: ReadonlyArray<{ from: string; to: string; mode: number }>;
}

export interface RunOptions {
  signal?: AbortSignal;
  onLine?(line: string): void;
}

/** A machine on which command lines are run: this one, or one at the other end of an SSH connection. */
export interface Place {
  /** Waits for the program to end. A program that is not there is exit code 127. */
  run(step: Step, options?: RunOptions): Promise<ExecResult>;
  /** Copies a file there. */
  upload(from: string, to: string, mode: number, options?: RunOptions): Promise<void>;
}

/** The command line as it is run and shown: variables come first, by `env`. */
export function argvOf({ command, env = {} }: Step): string[] {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return variables.length === 0 ? [...command] : ['env', ...variables, ...command];
}
