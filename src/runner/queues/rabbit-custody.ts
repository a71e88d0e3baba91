import { randomUUID } from 'node:crypto';
import type { Channel, Connection } from '../../amqp/index.ts';

export interface CustodyOptions {
  /** Where the message goes when this process is gone. */
  queue: string;
  body: Uint8Array;
  headers: Record<string, unknown>;
  /** Milliseconds between two renewals. */
  every: number;
  exists(): Promise<boolean>;
  onLost(why: 'queue-deleted' | 'connection'): void;
}

/** Milliseconds between two looks whether the queue is still there. */
const LOOK_EVERY = 8_000;

/**
 * Keeps a message for longer than a broker waits for its acknowledgement. A copy waits in a queue
 * of its own with a time to live, and is replaced by a fresh one before it is over; when this
 * process is gone the broker moves the copy to the queue that it came from.
 */
export class Custody {
  readonly #channel: Channel;
  readonly #options: CustodyOptions;
  readonly #name = `datamill.hold.${randomUUID()}`;
  readonly #timers: NodeJS.Timeout[];
  #over = false;
  #work: Promise<void> = Promise.resolve();

  private constructor(channel: Channel, options: CustodyOptions) {
    this.#channel = channel;
    this.#options = options;
    const { every } = options;
    this.#timers = [
      setInterval(() => this.#then(() => this.#renew()), every),
      setInterval(() => this.#then(() => this.#look()), LOOK_EVERY),
    ];
  }

  static async take(connection: Connection, options: CustodyOptions): Promise<Custody> {
    const channel = await connection.acquire();
    await channel.confirmSelect();
    const custody = new Custody(channel, options);
    channel.on('error', () => undefined);
    channel.on('close', () => {
      if (!custody.#over) custody.#lose('connection');
    });
    try {
      await channel.queueDeclare({
        queue: custody.#name,
        durable: true,
        arguments: {
          'x-dead-letter-exchange': '',
          'x-dead-letter-routing-key': options.queue,
          // Long after its message has gone back.
          'x-expires': 10 * options.every,
        },
      });
      await custody.#put();
    } catch (error) {
      custody.#stop();
      throw error;
    }
    return custody;
  }

  /** The work is over: the copy goes. */
  async end(): Promise<void> {
    this.#stop();
    await this.#work;
    if (!this.#channel.active) throw new Error('the message in custody is not ours any more');
    await this.#channel.queueDelete({ queue: this.#name });
    await this.#channel.close();
  }

  async #put(): Promise<void> {
    const { body, headers, every } = this.#options;
    const envelope = { routingKey: this.#name, durable: true, headers, expiration: String(3 * every) };
    await this.#channel.basicPublish(envelope, Buffer.from(body));
  }

  async #renew(): Promise<void> {
    const before = await this.#channel.basicGet({ queue: this.#name });
    // It was too late: the message is on its way to somebody else.
    if (before === undefined) return this.#lose('connection');
    await this.#put();
    this.#channel.basicAck({ deliveryTag: before.deliveryTag });
  }

  async #look(): Promise<void> {
    if (!(await this.#options.exists())) this.#lose('queue-deleted');
  }

  #then(work: () => Promise<void>): void {
    this.#work = this.#work.then(() => (this.#over ? undefined : work())).catch(() => undefined);
  }

  #lose(why: 'queue-deleted' | 'connection'): void {
    this.#stop();
    this.#options.onLost(why);
  }

  #stop(): void {
    this.#over = true;
    for (const timer of this.#timers) clearInterval(timer);
  }
}
