import type { Allocator, Reservation } from './allocator.ts';
import type { Resources } from './resources.ts';

/** Milliseconds after which what is waited for is not overtaken any more. */
const PATIENCE = 30_000;
/** Milliseconds in which messages of several queues are gathered before one is chosen. */
const GATHER = 15;
/** Milliseconds in which what a queue has used counts half. */
const HALF_LIFE = 10 * 60_000;

interface Waiting {
  queue: string;
  needed: Resources;
  since: number;
  settle(reservation: Reservation | undefined): void;
}

/** Gives resources to queues in turn: first to the one that has had least of them lately. */
export class Scheduler {
  readonly #allocator: Allocator;
  readonly #waiting = new Set<Waiting>();
  readonly #used = new Map<string, { share: number; at: number }>();
  #planned = false;

  constructor(allocator: Allocator) {
    this.#allocator = allocator;
    allocator.onRelease(() => this.#plan(GATHER));
  }

  /**
   * Waits for resources.
   *
   * @param hold milliseconds to wait at most.
   * @returns undefined when there were none in that time, or the signal fired.
   */
  async reserve(
    needed: Resources,
    queue: string,
    hold: number,
    signal: AbortSignal,
  ): Promise<Reservation | undefined> {
    if (signal.aborted) return undefined;
    return await new Promise((resolve) => {
      const settle = (reservation: Reservation | undefined) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', giveUp);
        this.#waiting.delete(waiting);
        resolve(reservation && this.#counted(reservation, queue));
      };
      const giveUp = () => settle(undefined);
      const waiting: Waiting = { queue, needed, since: performance.now(), settle };
      const timer = setTimeout(giveUp, hold);
      signal.addEventListener('abort', giveUp);
      this.#waiting.add(waiting);
      const alone = [...this.#waiting].every((one) => one.queue === queue);
      this.#plan(alone ? 0 : GATHER);
    });
  }

  #plan(delay: number): void {
    if (this.#planned) return;
    this.#planned = true;
    const serve = () => {
      this.#planned = false;
      this.#serve();
    };
    if (delay === 0) queueMicrotask(serve);
    else setTimeout(serve, delay);
  }

  #serve(): void {
    const now = performance.now();
    const order = [...this.#waiting].sort(
      (a, b) => this.#shareOf(a.queue, now) - this.#shareOf(b.queue, now) || a.since - b.since,
    );
    for (const waiting of order) {
      const reservation = this.#allocator.tryReserve(waiting.needed, waiting.queue);
      if (reservation !== undefined) waiting.settle(reservation);
      // A large one would never come if small ones always went before it.
      else if (now - waiting.since > PATIENCE) return;
    }
  }

  #counted(reservation: Reservation, queue: string): Reservation {
    const { cpus, ram } = this.#allocator.capacity;
    const share = Math.max(reservation.cpus / cpus, reservation.ram / ram);
    const started = performance.now();
    // What runs counts as if it would for a minute more; the rest is put right at its end.
    this.#use(queue, share * 60);
    const { release } = reservation;
    return {
      ...reservation,
      release: () => {
        this.#use(queue, share * ((performance.now() - started) / 1000 - 60));
        release();
      },
    };
  }

  #use(queue: string, seconds: number): void {
    const now = performance.now();
    this.#used.set(queue, { share: Math.max(0, this.#shareOf(queue, now) + seconds), at: now });
  }

  #shareOf(queue: string, now: number): number {
    const used = this.#used.get(queue);
    return used === undefined ? 0 : used.share * 0.5 ** ((now - used.at) / HALF_LIFE);
  }
}
