import type { Outcome } from './attempt/outcome.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import type { Delivery } from './queues/contract.ts';

export interface SettleOptions {
  maxAttempts: number;
  /** Milliseconds before the second attempt; doubled for each one after. */
  retryDelay: number;
  host: string;
  metrics: Metrics;
  log: Log;
}

/** Milliseconds after which a message comes again whose experiment somebody else is at. */
const BUSY = 10_000;
const LONGEST = 5 * 60_000;

/** Does with a message what the end of its attempt asks for. */
export async function settle(delivery: Delivery, outcome: Outcome, options: SettleOptions): Promise<void> {
  const { end, reason, tail, attempts } = outcome;
  const { maxAttempts, retryDelay, host, metrics, log } = options;
  switch (end) {
    case 'succeeded':
    case 'duplicate':
    case 'expired':
    case 'stopped':
      return await delivery.ack();
    case 'aborted':
      // The queue is gone, and the message with it.
      return await delivery.ack().catch(() => undefined);
    case 'lost':
    case 'busy':
      return await delivery.giveBack({ counted: false, delay: BUSY }).catch(() => undefined);
    case 'drained':
      return await delivery.giveBack({ counted: false, delay: 0 });
    case 'failed':
      if (attempts < maxAttempts) {
        const delay = Math.min(retryDelay * 2 ** (attempts - 1), LONGEST);
        return await delivery.giveBack({ counted: true, delay });
      }
      break;
    case 'rejected':
      break;
  }
  metrics.add('runner_dead_letters', { queue: delivery.queue });
  log('warn', `a message of ${delivery.queue} is put aside after ${attempts} attempts: ${reason}`);
  await delivery.bury({ reason, attempts, tail, host, time: new Date().toISOString() });
}
