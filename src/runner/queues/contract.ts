/** A message that this runner holds, until it is acknowledged or given back. */
export interface Delivery {
  readonly body: Uint8Array;
  readonly queue: string;
  /** How often it was tried, this time included, as far as the queue knows. */
  readonly attempt: number;
  /**
   * Fires when the message is not ours any more, or its queue is gone; the reason says which:
   * `queue-deleted` or `connection`.
   */
  readonly lost: AbortSignal;
  /** The work is over: the message goes away. */
  ack(): Promise<void>;
  /**
   * Gives it back.
   *
   * @param counted whether this was an attempt that failed.
   * @param delay milliseconds before it may come again.
   */
  giveBack(how: { counted: boolean; delay: number }): Promise<void>;
  /** Puts it aside with what is to be known about it, and acknowledges it. */
  bury(letter: DeadLetter): Promise<void>;
}

export interface DeadLetter {
  reason: string;
  attempts: number;
  host: string;
  /** RFC 3339. */
  time: string;
  /** End of the experiment's log. */
  tail: string;
}

/** Queues of one kind and place. */
export interface TaskQueues {
  /** For messages, such as `rabbitmq at broker:5672`. */
  readonly name: string;
  list(): Promise<string[]>;
  exists(queue: string): Promise<boolean>;
  /** Waits for a message; undefined when the signal fires first. */
  receive(queue: string, signal: AbortSignal): Promise<Delivery | undefined>;
  /** Resolves when the broker has taken the message. */
  publish(queue: string, body: Uint8Array, options?: { create?: boolean }): Promise<void>;
  /** Dead letters of a queue, oldest first. */
  dead(queue: string): Promise<Array<DeadLetter & { id: string; body: Uint8Array }>>;
  /** Puts a dead letter on its queue again. */
  revive(queue: string, id: string): Promise<void>;
  close(): Promise<void>;
}
