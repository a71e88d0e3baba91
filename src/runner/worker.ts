import { errorMessage } from '../errors.ts';
import { pause } from '../util/abort.ts';
import type { Allocator, Reservation } from './allocator.ts';
import type { Outcome } from './attempt/outcome.ts';
import { type AttemptOptions, Stop } from './attempt/run.ts';
import type { Log } from './log.ts';
import type { Message } from './message.ts';
import type { Metrics } from './metrics.ts';
import type { Delivery, TaskQueues } from './queues/contract.ts';
import { type Resources, resourcesOfRequest } from './resources.ts';
import { Scheduler } from './scheduler.ts';
import { settle } from './settle.ts';

/** Runs an attempt, wherever it is run. */
export type Execute = (options: Omit<AttemptOptions, 'settings'> & { queue: string }) => Promise<Outcome>;

export interface WorkerOptions {
  /** Asked anew at every refresh: credentials come and go. */
  sources(): Promise<readonly TaskQueues[]>;
  /** Queues to serve. */
  match: RegExp;
  mismatch?: RegExp;
  deadSuffix: string;
  allocator: Allocator;
  /** What this runner is called. */
  host: string;
  execute: Execute;
  read(delivery: Delivery): Message;
  /** Attempts after which a message is put aside. */
  maxAttempts: number;
  /** Milliseconds before the second attempt; doubled for each one after. */
  retryDelay: number;
  /** Milliseconds between two looks at the list of queues. */
  refresh: number;
  /** Milliseconds that experiments have to be handed back in when this worker is to end. */
  drainTimeout: number;
  /** Ends after so many experiments. */
  limitTasks?: number;
  /** Ends after so many milliseconds without one. */
  limitIdle?: number;
  /** Nothing is taken while it says so. */
  paused?(): boolean;
  onSettled?(message: Message, outcome: Outcome, queue: string, source: TaskQueues): void;
  onStarted?(message: Message, queue: string, source: TaskQueues): void;
  metrics: Metrics;
  log: Log;
}

/** Milliseconds for which a message is kept that does not fit now, before others may have it. */
const HOLD = 5_000;
/** Milliseconds before a message comes again that can never be run here. */
const NOT_HERE = 30_000;

/** Takes messages of all queues that match, runs what fits, and settles each message by how it ended. */
export class Worker {
  readonly #options: WorkerOptions;
  readonly #scheduler: Scheduler;
  readonly #serving = new Map<string, { source: TaskQueues; end: AbortController }>();
  readonly #running = new Set<Promise<void>>();
  readonly #seen = new Map<string, Resources>();
  readonly #stop = new AbortController();
  /** As many as were wanted have ended. */
  readonly #full = new AbortController();
  #taken = 0;
  #busyAt = performance.now();

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#scheduler = new Scheduler(options.allocator);
  }

  get running(): number {
    return this.#running.size;
  }

  get queues(): string[] {
    return [...this.#serving.keys()];
  }

  /** Works until the signal fires or a limit is reached; then everything has been handed back. */
  async run(signal: AbortSignal): Promise<{ taken: number }> {
    const { refresh, limitIdle, log } = this.#options;
    const drain = () => this.#stop.abort(new Stop('drained', 'this runner ends'));
    signal.addEventListener('abort', drain);
    if (signal.aborted) drain();
    while (!this.#stop.signal.aborted) {
      await this.#refresh();
      const wake = AbortSignal.any([this.#stop.signal, this.#full.signal]);
      await pause(Math.min(refresh, limitIdle ?? refresh), wake).catch(() => undefined);
      const idle =
        this.#running.size === 0 &&
        performance.now() - this.#busyAt > (limitIdle ?? Number.POSITIVE_INFINITY);
      if (idle || this.#isFull()) break;
    }
    for (const { end } of this.#serving.values()) end.abort();
    // A limit lets what runs come to its end; a wish to end does not.
    await this.#settled(signal);
    signal.removeEventListener('abort', drain);
    log('info', `ended after ${this.#taken} experiments`);
    return { taken: this.#taken };
  }

  async #settled(signal: AbortSignal): Promise<void> {
    const all = () => Promise.allSettled([...this.#running]);
    if (!signal.aborted) {
      await Promise.race([all(), new Promise((resolve) => signal.addEventListener('abort', resolve))]);
    }
    if (this.#running.size === 0) return;
    this.#options.log('info', `handing back ${this.#running.size} experiments`);
    const late = pause(this.#options.drainTimeout).then(() => 'late');
    if ((await Promise.race([all(), late])) === 'late')
      this.#options.log('warn', 'some experiments could not be handed back in time: their queue will notice');
  }

  #isFull(): boolean {
    const { limitTasks } = this.#options;
    return limitTasks !== undefined && this.#taken >= limitTasks;
  }

  async #refresh(): Promise<void> {
    const { match, mismatch, deadSuffix, log, metrics } = this.#options;
    const wanted = (name: string) =>
      match.test(name) && !mismatch?.test(name) && !name.endsWith('_response') && !name.endsWith(deadSuffix);
    const found = new Map<string, TaskQueues>();
    const failed = new Set<TaskQueues>();
    for (const source of await this.#options.sources()) {
      try {
        for (const name of (await source.list()).filter(wanted)) found.set(name, source);
        metrics.add('runner_queue_refresh_success');
      } catch (error) {
        failed.add(source);
        metrics.add('runner_queue_refresh_fail');
        log('warn', `the queues of ${source.name} cannot be listed: ${errorMessage(error)}`);
      }
    }
    for (const [name, { source, end }] of this.#serving) {
      if (found.has(name) || failed.has(source)) continue;
      log('info', `queue ${name} is gone`);
      end.abort();
      this.#serving.delete(name);
    }
    for (const [name, source] of found) if (!this.#serving.has(name)) this.#serve(name, source);
  }

  #serve(name: string, source: TaskQueues): void {
    const end = new AbortController();
    this.#serving.set(name, { source, end });
    this.#options.log('info', `serving queue ${name} of ${source.name}`);
    const signal = AbortSignal.any([end.signal, this.#stop.signal]);
    const loop = async () => {
      while (!signal.aborted && !this.#isFull()) {
        await this.#untilRoom(name, signal);
        const delivery = await source.receive(name, signal);
        if (delivery === undefined) {
          // The connection broke, or the queue is gone: asking again tells which.
          await pause(500, signal).catch(() => undefined);
          continue;
        }
        this.#options.metrics.add('runner_queue_checked', { queue: name });
        await this.#admit(delivery, source, signal);
      }
    };
    void loop().catch(async (error) => {
      if (signal.aborted) return;
      this.#options.log('warn', `queue ${name}: ${errorMessage(error)}`);
      await pause(1000, signal).catch(() => undefined);
      // The next refresh takes it up again.
      this.#serving.delete(name);
    });
  }

  /** Until what the queue asked for last would fit: a message that cannot be run is better left to others. */
  async #untilRoom(queue: string, signal: AbortSignal): Promise<void> {
    const { allocator, paused } = this.#options;
    for (;;) {
      const last = this.#seen.get(queue);
      const room = last === undefined || !allocator.canEver(last) || allocator.fits(last, queue);
      if (signal.aborted || (room && paused?.() !== true)) return;
      await new Promise<void>((resolve) => {
        const done = () => {
          off();
          clearTimeout(timer);
          signal.removeEventListener('abort', done);
          resolve();
        };
        const off = allocator.onRelease(done);
        const timer = setTimeout(done, 1000);
        signal.addEventListener('abort', done);
      });
    }
  }

  async #admit(delivery: Delivery, source: TaskQueues, signal: AbortSignal): Promise<void> {
    const { allocator, log, read, metrics } = this.#options;
    let message: Message;
    try {
      message = read(delivery);
    } catch (error) {
      log('warn', `a message of ${delivery.queue} cannot be read: ${errorMessage(error)}`);
      const outcome: Outcome = {
        end: 'rejected',
        reason: errorMessage(error),
        tail: '',
        attempts: delivery.attempt,
      };
      return await settle(delivery, outcome, this.#options);
    }
    const needed = resourcesOfRequest(message.request);
    this.#seen.set(delivery.queue, needed);
    if (!allocator.canEver(needed)) {
      log('warn', `${message.request.experiment.key} asks for more than this machine has`, { ...needed });
      metrics.add('runner_queue_ignored', { queue: delivery.queue });
      await delivery.giveBack({ counted: false, delay: NOT_HERE });
      return;
    }
    const resources = await this.#scheduler.reserve(needed, delivery.queue, HOLD, signal);
    if (resources === undefined) {
      metrics.add('runner_queue_ignored', { queue: delivery.queue });
      return await delivery.giveBack({ counted: false, delay: 0 });
    }
    this.#taken++;
    const running = this.#execute(delivery, message, resources, source).catch((error) =>
      log('error', `${message.request.experiment.key}: ${errorMessage(error)}`),
    );
    this.#running.add(running);
    void running.finally(() => {
      this.#running.delete(running);
      this.#busyAt = performance.now();
      if (this.#isFull()) this.#full.abort();
    });
  }

  async #execute(
    delivery: Delivery,
    message: Message,
    resources: Reservation,
    source: TaskQueues,
  ): Promise<void> {
    const { metrics, log, execute, onStarted, onSettled } = this.#options;
    const { experiment } = message.request;
    const labels = { queue: delivery.queue };
    const told = log.with({ experiment: experiment.key, queue: delivery.queue });
    const controller = new AbortController();
    const drain = () => controller.abort(this.#stop.signal.reason);
    const lose = () =>
      controller.abort(
        delivery.lost.reason === 'queue-deleted'
          ? new Stop('aborted', 'its queue was deleted')
          : new Stop('lost', 'the connection to the queue was lost'),
      );
    this.#stop.signal.addEventListener('abort', drain);
    delivery.lost.addEventListener('abort', lose);
    if (delivery.lost.aborted) lose();
    if (this.#stop.signal.aborted) drain();
    metrics.add('runner_project_running', labels);
    told('info', `started, attempt ${delivery.attempt}`);
    onStarted?.(message, delivery.queue, source);
    try {
      const { signal } = controller;
      const { attempt, queue } = delivery;
      const outcome = await execute({ ...message, attempt, queue, resources, signal, log: told });
      metrics.add('runner_project_completed', { ...labels, end: outcome.end });
      if (outcome.end === 'lost') metrics.add('runner_lease_lost', labels);
      told(outcome.end === 'succeeded' ? 'info' : 'warn', `${outcome.end}: ${outcome.reason}`);
      resources.release();
      await settle(delivery, outcome, this.#options);
      onSettled?.(message, outcome, delivery.queue, source);
    } catch (error) {
      resources.release();
      throw error;
    } finally {
      metrics.add('runner_project_running', labels, -1);
      this.#stop.signal.removeEventListener('abort', drain);
      delivery.lost.removeEventListener('abort', lose);
    }
  }
}
