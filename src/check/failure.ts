import { DatamillError, type ErrorDetails } from '../errors.ts';

/** How long a service that answers "no" is asked again, in milliseconds. */
const SETTLING = 10_000;

/** A try of a check that did not pass. */
export class CheckError extends DatamillError {
  /** Milliseconds for which it is worth to try again; 0: not at all. */
  readonly patience: number;

  constructor(message: string, patience: number, details: ErrorDetails = {}) {
    super('CHECK', message, details);
    this.patience = patience;
  }
}

/** The service is not yet as it should be: tried again until the deadline. */
export function notYet(message: string): CheckError {
  return new CheckError(message, Number.POSITIVE_INFINITY);
}

/**
 * The service refuses who asks. That may change in the seconds after its start, when it reads its
 * users, but no more after that.
 */
export function refused(message: string, hint?: string): CheckError {
  return new CheckError(message, SETTLING, { hint });
}

/** Trying again is of no use. */
export function final(message: string, hint?: string): CheckError {
  return new CheckError(message, 0, { hint });
}
