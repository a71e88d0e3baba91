/** Where something stands in a file: line and column count from 1. */
export interface Location {
  file: string;
  line?: number;
  column?: number;
  /** The file holds secrets: none of its lines may be shown. */
  secret?: true;
}

/** Exit codes of the command line; see docs/exit-codes.md. */
export const ExitCode = {
  done: 0,
  failed: 1,
  usage: 2,
  refused: 3,
  unreachable: 4,
  difference: 5,
  locked: 6,
  interrupted: 130,
  terminated: 143,
} as const;

export interface ErrorDetails {
  /** What the user can do about it. */
  hint?: string;
  at?: Location;
  cause?: unknown;
  exitCode?: number;
  /** Further problems of the same kind, shown with the first one. */
  others?: DatamillError[];
}

/** The one error family: a stable code, a sentence, a place, a remedy and an exit code. */
export class DatamillError extends Error {
  override readonly name = 'DatamillError';
  readonly code: string;
  readonly exitCode: number;
  readonly hint?: string;
  readonly at?: Location;
  readonly others: DatamillError[];

  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.code = code;
    this.exitCode = details.exitCode ?? ExitCode.failed;
    this.hint = details.hint;
    this.at = details.at;
    this.others = details.others ?? [];
  }
}

/** Something in a document or on the command line is wrong: exit 2, nothing was touched. */
export function configError(code: string, message: string, details: ErrorDetails = {}): DatamillError {
  return new DatamillError(code, message, { exitCode: ExitCode.usage, ...details });
}

/** What is asked for is refused, by preflight or by what the target is: exit 3. */
export function refusedError(code: string, message: string, details: ErrorDetails = {}): DatamillError {
  return new DatamillError(code, message, { exitCode: ExitCode.refused, ...details });
}

/** The target cannot be reached or is not to be trusted: exit 4. */
export function unreachableError(code: string, message: string, details: ErrorDetails = {}): DatamillError {
  return new DatamillError(code, message, { exitCode: ExitCode.unreachable, ...details });
}

/** The lock is held by somebody else, or was lost: exit 6. */
export function lockError(code: string, message: string, details: ErrorDetails = {}): DatamillError {
  return new DatamillError(code, message, { exitCode: ExitCode.locked, ...details });
}

/** The user interrupted: exit 130, or 143 for SIGTERM; a terminal that was closed ends it by SIGHUP. */
export function interruptedError(signal: NodeJS.Signals = 'SIGINT'): DatamillError {
  const exitCode = signal === 'SIGINT' ? ExitCode.interrupted : ExitCode.terminated;
  return new DatamillError('INTERRUPTED', 'Interrupted.', {
    exitCode,
    hint: 'Run the same command again: it repairs what was cut short and goes on.',
  });
}

export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
