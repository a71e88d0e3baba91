import type { AsyncMessage, Channel, Connection } from '../../amqp/index.ts';

/** A channel that holds one message at most. */
export class Slot {
  readonly #channel: Channel;
  readonly #queue: string;
  #tag?: string;
  #arrived?: AsyncMessage;
  #waiting?: (message: AsyncMessage | undefined) => void;
  /** Told when the consumer was cancelled by the broker, or the channel has closed. */
  onLost: (why: 'queue-deleted' | 'connection') => void = () => undefined;

  private constructor(channel: Channel, queue: string) {
    this.#channel = channel;
    this.#queue = queue;
    channel.on('error', () => undefined);
    channel.on('basic.cancel', () => this.#lost('queue-deleted'));
    channel.on('close', () => this.#lost('connection'));
  }

  static async open(connection: Connection, queue: string): Promise<Slot> {
    const channel = await connection.acquire();
    const slot = new Slot(channel, queue);
    await channel.basicQos({ prefetchCount: 1 });
    return slot;
  }

  get active(): boolean {
    return this.#channel.active;
  }

  /** Waits for a message; undefined when the signal fires, the queue goes away or the channel closes. */
  async next(signal: AbortSignal): Promise<AsyncMessage | undefined> {
    if (signal.aborted || !this.active) return undefined;
    if (this.#tag === undefined) {
      const { consumerTag } = await this.#channel.basicConsume({ queue: this.#queue }, (message) =>
        this.#take(message),
      );
      this.#tag = consumerTag;
    }
    const arrived = this.#arrived ?? (await this.#wait(signal));
    this.#arrived = undefined;
    return arrived;
  }

  ack(deliveryTag: number): void {
    this.#channel.basicAck({ deliveryTag });
  }

  requeue(deliveryTag: number): void {
    this.#channel.basicNack({ deliveryTag, requeue: true });
  }

  /** Takes no more; what is held stays held. */
  async cancel(): Promise<void> {
    const tag = this.#tag;
    this.#tag = undefined;
    if (tag !== undefined && this.active) await this.#channel.basicCancel(tag);
  }

  /** What is held goes back to the queue. */
  async close(): Promise<void> {
    if (this.active) await this.#channel.close();
  }

  #take(message: AsyncMessage): void {
    if (this.#waiting === undefined) this.#arrived = message;
    else this.#waiting(message);
  }

  #wait(signal: AbortSignal): Promise<AsyncMessage | undefined> {
    return new Promise((resolve) => {
      const settle = (message: AsyncMessage | undefined) => {
        signal.removeEventListener('abort', give);
        this.#waiting = undefined;
        resolve(message);
      };
      const give = () => settle(undefined);
      this.#waiting = settle;
      signal.addEventListener('abort', give);
    });
  }

  #lost(why: 'queue-deleted' | 'connection'): void {
    this.#waiting?.(undefined);
    this.onLost(why);
  }
}
