import { type Channel, Connection, greeting } from '../../amqp/index.ts';
import { configError, errorMessage, unreachableError } from '../../errors.ts';
import { pause } from '../../util/abort.ts';
import { registerSecrets } from '../../util/redact.ts';
import type { DeadLetter, Delivery, TaskQueues } from './contract.ts';
import { bodyOf, RabbitDelivery } from './rabbit-delivery.ts';
import { type Management, managementOf, vhostOf } from './rabbit-management.ts';
import { Slot } from './rabbit-slot.ts';

/** The exchange of StudioML: topic, durable, deleted with its last queue. */
const EXCHANGE = 'StudioML.topic';
const PATIENCE = 10_000;

export interface RabbitOptions {
  url: string;
  managementUrl?: string;
  deadSuffix: string;
  /** Milliseconds for which the broker may wait for an acknowledgement; then it is given custody anew. */
  custody: number;
}

/**
 * Queues of RabbitMQ. Each message that is worked on has a channel of its own with a prefetch of
 * one: nothing is taken that is not asked for, and a consumer that stays hears of the queue's end.
 */
export class RabbitQueues implements TaskQueues {
  readonly name: string;
  readonly #options: RabbitOptions;
  readonly #url: URL;
  readonly #management: Management;
  readonly #idle = new Map<string, Slot[]>();
  readonly #slots = new Set<Slot>();
  #connection?: Promise<Connection>;
  #publisher?: Promise<Channel>;
  #closed = false;

  constructor(options: RabbitOptions) {
    this.#options = options;
    try {
      this.#url = new URL(options.url);
    } catch {
      throw configError('FLAG', '--amqp-url is no address such as amqp://user:password@host:5672/');
    }
    if (!/^amqps?:$/.test(this.#url.protocol))
      throw configError('FLAG', '--amqp-url begins with amqp:// or amqps://');
    if (this.#url.password.length > 5) registerSecrets(decodeURIComponent(this.#url.password));
    this.name = `rabbitmq at ${this.#url.host}${vhostOf(this.#url)}`;
    this.#management = managementOf(this.#url, options.managementUrl);
  }

  async list(): Promise<string[]> {
    return await this.#management.queues();
  }

  async exists(queue: string): Promise<boolean> {
    const channel = await (await this.#connected()).acquire();
    try {
      await channel.queueDeclare({ queue, passive: true });
      return true;
    } catch (error) {
      if ((error as { code?: string }).code === 'NOT_FOUND') return false;
      throw error;
    } finally {
      await channel.close().catch(() => undefined);
    }
  }

  async receive(queue: string, signal: AbortSignal): Promise<Delivery | undefined> {
    const slot = this.#idleSlot(queue) ?? (await Slot.open(await this.#connected(), queue));
    this.#slots.add(slot);
    const message = await slot.next(signal);
    if (message === undefined) {
      this.#slots.delete(slot);
      await slot.close();
      return undefined;
    }
    const { custody, deadSuffix } = this.#options;
    return new RabbitDelivery(message, {
      queue,
      slot,
      custody,
      deadQueue: `${queue}${deadSuffix}`,
      connection: () => this.#connected(),
      publish: (to, body, headers) => this.#send({ routingKey: to, headers }, body),
      declareDead: () => this.#declareDead(queue),
      exists: () => this.exists(queue),
      done: (free) => this.#recycle(queue, free),
    });
  }

  async publish(queue: string, body: Uint8Array, { create = true } = {}): Promise<void> {
    if (create && !(await this.exists(queue))) await this.#declare(queue);
    await this.#send({ routingKey: queue }, body);
  }

  async dead(queue: string): Promise<Array<DeadLetter & { id: string; body: Uint8Array }>> {
    const name = `${queue}${this.#options.deadSuffix}`;
    if (!(await this.exists(name))) return [];
    const channel = await (await this.#connected()).acquire();
    try {
      const found = [];
      for (;;) {
        const message = await channel.basicGet({ queue: name });
        if (message === undefined) break;
        found.push({
          ...letterOf(message.headers),
          id: String(message.messageId ?? ''),
          body: message.body as Buffer,
        });
      }
      // They go back, in their order, with the channel.
      return found;
    } finally {
      await channel.close();
    }
  }

  async revive(queue: string, id: string): Promise<void> {
    const name = `${queue}${this.#options.deadSuffix}`;
    const channel = await (await this.#connected()).acquire();
    try {
      for (;;) {
        const message = await channel.basicGet({ queue: name });
        if (message === undefined) throw configError('NO_LETTER', `${queue} has no dead letter ${id}`);
        if (message.messageId !== id) continue;
        await this.publish(queue, bodyOf(message));
        channel.basicAck({ deliveryTag: message.deliveryTag });
        return;
      }
    } finally {
      await channel.close();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const connection = await this.#connection?.catch(() => undefined);
    // The library would wait for channels that hold messages; what was said on them is to be heard.
    const channels = [...this.#slots].map((slot) => slot.close());
    const publisher = await this.#publisher?.catch(() => undefined);
    await Promise.race([Promise.allSettled([...channels, publisher?.close()]), pause(PATIENCE)]);
    connection?.unsafeDestroy();
  }

  /** As the StudioML client makes a queue that it keeps. */
  async #declare(queue: string): Promise<void> {
    const channel = await (await this.#connected()).acquire();
    try {
      await channel.exchangeDeclare({ exchange: EXCHANGE, type: 'topic', durable: true, autoDelete: true });
      await channel.queueDeclare({ queue, durable: true });
      await channel.queueBind({ queue, exchange: EXCHANGE, routingKey: `StudioML.${queue}` });
    } finally {
      await channel.close();
    }
  }

  async #declareDead(queue: string): Promise<void> {
    const channel = await (await this.#connected()).acquire();
    try {
      await channel.queueDeclare({ queue: `${queue}${this.#options.deadSuffix}`, durable: true });
    } finally {
      await channel.close();
    }
  }

  /** Resolves when the broker has it; a queue that is not there is an error. */
  async #send(
    to: { routingKey: string; headers?: Record<string, unknown> },
    body: Uint8Array,
  ): Promise<void> {
    this.#publisher ??= this.#openPublisher();
    let channel = await this.#publisher;
    if (!channel.active) {
      this.#publisher = this.#openPublisher();
      channel = await this.#publisher;
    }
    const envelope = {
      ...to,
      mandatory: true,
      durable: true,
      contentType: 'application/json',
      messageId: crypto.randomUUID(),
    };
    const returned: string[] = [];
    const onReturn = (message: { messageId?: string }) => returned.push(message.messageId ?? '');
    channel.on('basic.return', onReturn);
    try {
      await channel.basicPublish(envelope, Buffer.from(body));
      // The library tells of a return one turn of the loop later than of the confirm.
      await new Promise((resolve) => setImmediate(resolve));
    } finally {
      channel.off('basic.return', onReturn);
    }
    // The broker returns what it cannot route before it confirms it.
    if (returned.includes(envelope.messageId))
      throw configError('NO_QUEUE', `there is no queue ${to.routingKey} at ${this.name}`);
  }

  async #openPublisher(): Promise<Channel> {
    const channel = await (await this.#connected()).acquire();
    channel.on('error', () => undefined);
    await channel.confirmSelect();
    return channel;
  }

  /** One that is still open: what has closed with its connection is of no use. */
  #idleSlot(queue: string): Slot | undefined {
    const idle = (this.#idle.get(queue) ?? []).filter((slot) => slot.active);
    const slot = idle.pop();
    this.#idle.set(queue, idle);
    for (const one of this.#slots) if (!one.active) this.#slots.delete(one);
    return slot;
  }

  #recycle(queue: string, slot: Slot): void {
    if (this.#closed) return;
    this.#idle.set(queue, [...(this.#idle.get(queue) ?? []), slot]);
  }

  #connected(): Promise<Connection> {
    if (this.#connection === undefined) {
      this.#connection = this.#connect();
      this.#connection.catch(() => {
        this.#connection = undefined;
      });
    }
    return this.#connection;
  }

  async #connect(): Promise<Connection> {
    const { hostname, port, protocol } = this.#url;
    const at = {
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port || (protocol === 'amqps:' ? 5671 : 5672)),
    };
    const wrong =
      protocol === 'amqps:' ? undefined : await greeting(at, PATIENCE, AbortSignal.timeout(2 * PATIENCE));
    if (wrong !== undefined)
      throw unreachableError('QUEUE_UNREACHABLE', `${this.name} ${wrong}`, {
        hint: 'does --amqp-url say the right host and port?',
      });
    // The library connects again by itself, for as long as it takes.
    const connection = new Connection({
      url: this.#url.href,
      heartbeat: 15,
      retryLow: 500,
      retryHigh: 5_000,
      acquireTimeout: 60_000,
    });
    await new Promise<void>((resolve, reject) => {
      connection.once('connection', resolve);
      connection.on('error', (error) => {
        reject(
          unreachableError('QUEUE_UNREACHABLE', `${this.name}: ${errorMessage(error)}`, { cause: error }),
        );
      });
    }).catch((error) => {
      connection.unsafeDestroy();
      throw error;
    });
    return connection;
  }
}

function letterOf(headers: Record<string, unknown> | undefined): DeadLetter {
  const read = (name: string) => String(headers?.[`x-datamill-${name}`] ?? '');
  return {
    reason: read('reason'),
    attempts: Number(read('attempts')),
    host: read('host'),
    time: read('time'),
    tail: read('tail'),
  };
}
