/** How an attempt ended. */
export type End =
  /** The program ended well and its results are stored. */
  | 'succeeded'
  /** Somebody else's results are there already. */
  | 'duplicate'
  /** The program, or what it needs, failed: it may be tried again. */
  | 'failed'
  /** It can never be run. */
  | 'rejected'
  /** It used up the time that it was given. */
  | 'expired'
  /** The client asked for its end. */
  | 'stopped'
  /** The queue is gone, and with it the wish. */
  | 'aborted'
  /** Another worker has it. */
  | 'lost'
  /** Another worker is at it. */
  | 'busy'
  /** This runner ends: somebody else is to go on. */
  | 'drained';

export interface Outcome {
  end: End;
  /** For people. */
  reason: string;
  /** End of the log. */
  tail: string;
  /** Attempts so far, this one included. */
  attempts: number;
}
