import type { AsyncMessage, Connection } from '../../amqp/index.ts';
import type { DeadLetter, Delivery } from './contract.ts';
import { Custody } from './rabbit-custody.ts';
import type { Slot } from './rabbit-slot.ts';

/** Counts the attempts of a message that came back. */
const ATTEMPTS = 'x-datamill-attempts';
/** Bytes of a log that a header holds. */
const TAIL = 4096;

export interface RabbitDeliveryOptions {
  queue: string;
  deadQueue: string;
  slot: Slot;
  /** Milliseconds after which the message changes into custody. */
  custody: number;
  connection(): Promise<Connection>;
  publish(queue: string, body: Uint8Array, headers: Record<string, unknown>): Promise<void>;
  declareDead(): Promise<void>;
  exists(): Promise<boolean>;
  /** The slot may be used again. */
  done(slot: Slot): void;
}

/** A message of RabbitMQ that is not acknowledged yet. */
export class RabbitDelivery implements Delivery {
  readonly body: Uint8Array;
  readonly queue: string;
  readonly attempt: number;
  readonly lost: AbortSignal;
  readonly #lost = new AbortController();
  readonly #message: AsyncMessage;
  readonly #options: RabbitDeliveryOptions;
  readonly #timer: NodeJS.Timeout;
  #custody?: Custody;
  #moving: Promise<void> = Promise.resolve();

  constructor(message: AsyncMessage, options: RabbitDeliveryOptions) {
    this.#message = message;
    this.#options = options;
    this.queue = options.queue;
    this.body = bodyOf(message);
    this.attempt = attemptsOf(message) + 1;
    this.lost = this.#lost.signal;
    options.slot.onLost = (why) => {
      if (this.#custody === undefined) this.#lost.abort(why);
    };
    this.#timer = setTimeout(() => {
      this.#moving = this.#intoCustody();
    }, options.custody);
  }

  async ack(): Promise<void> {
    if (await this.#leave()) return;
    await this.#free(() => this.#options.slot.ack(this.#message.deliveryTag));
  }

  async giveBack({ counted, delay }: { counted: boolean; delay: number }): Promise<void> {
    // Held a while longer: the broker knows no delay, and whoever takes it at once would fail at once.
    if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
    const attempts = counted ? this.attempt : this.attempt - 1;
    const changed = attempts !== attemptsOf(this.#message) || this.#custody !== undefined;
    if (!changed) {
      clearTimeout(this.#timer);
      return await this.#free(() => this.#options.slot.requeue(this.#message.deliveryTag));
    }
    await this.#options.publish(this.queue, this.body, { ...this.#message.headers, [ATTEMPTS]: attempts });
    await this.ack();
  }

  async bury({ tail, ...letter }: DeadLetter): Promise<void> {
    await this.#options.declareDead();
    const said = Object.entries({ ...letter, tail: tail.slice(-TAIL) }).map(([name, value]) => [
      `x-datamill-${name}`,
      value,
    ]);
    await this.#options.publish(this.#options.deadQueue, this.body, Object.fromEntries(said));
    await this.ack();
  }

  async #intoCustody(): Promise<void> {
    const { connection, slot, queue, custody, exists } = this.#options;
    try {
      // A consumer that stays would get the next message.
      await slot.cancel();
      this.#custody = await Custody.take(await connection(), {
        queue,
        body: this.body,
        headers: { ...this.#message.headers, [ATTEMPTS]: this.attempt - 1 },
        every: custody,
        exists,
        onLost: (why) => this.#lost.abort(why),
      });
      slot.onLost = () => undefined;
      slot.ack(this.#message.deliveryTag);
      await slot.close();
    } catch {
      // The message is still ours as it was: what the broker does with it is heard of.
    }
  }

  /** Ends custody; false when there was none. */
  async #leave(): Promise<boolean> {
    clearTimeout(this.#timer);
    await this.#moving;
    if (this.#custody === undefined) return false;
    await this.#custody.end();
    return true;
  }

  async #free(settle: () => void): Promise<void> {
    const { slot, done } = this.#options;
    slot.onLost = () => undefined;
    if (this.lost.aborted || !slot.active)
      throw new Error(`the message of ${this.queue} is not ours any more`);
    // No more comes before it is asked for.
    await slot.cancel();
    settle();
    done(slot);
  }
}

function attemptsOf({ headers }: AsyncMessage): number {
  const ours = Number(headers?.[ATTEMPTS] ?? 0);
  // Quorum queues count what came back; 20 is where they give up.
  const theirs = Number(headers?.['x-delivery-count'] ?? 0);
  return Math.max(ours, theirs);
}

/** The library reads JSON and texts by their content type; bytes are wanted. */
export function bodyOf({ body, contentType }: Pick<AsyncMessage, 'body' | 'contentType'>): Uint8Array {
  if (body instanceof Uint8Array) return body;
  const isText = typeof body === 'string' && contentType !== 'application/json';
  return Buffer.from(isText ? body : JSON.stringify(body));
}
