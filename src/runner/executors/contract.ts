import type { Reservation } from '../allocator.ts';
import type { Request } from '../request.ts';

/** Folders of one attempt. */
export interface AttemptFolder {
  /** Holds a folder per artifact, named by its label. */
  root: string;
  /** What the experiment prints goes to the end of this file. */
  log: string;
}

export interface Task {
  request: Request;
  folder: AttemptFolder;
  resources: Reservation;
  /** Ends the experiment with all that it started. */
  signal: AbortSignal;
  /** Hides secrets in a text that is to be stored. */
  mask(text: string): string;
  /** Told when there is more in the log. */
  onOutput(): void;
  /** One line about what is being done, such as an installation. */
  doing(what: string): void;
}

export interface Ended {
  exitCode: number;
  /** Why the executor itself ended it, such as too much memory. */
  killed?: string;
}

/** Runs the program of an experiment whose artifacts are there. */
export interface Executor {
  readonly name: string;
  run(task: Task): Promise<Ended>;
}
