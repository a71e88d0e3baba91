/** Tasks at once, at the beginning and at most. */
const START = 32;
const MOST = 64;
const LEAST = 2;
/** Milliseconds in which the store's complaints count as one. */
const ROUND = 1000;

/**
 * Runs tasks side by side: one more at once after every round that went well, half as many when
 * the store asks for less (as TCP does it).
 */
export class Pace {
  #limit = START;
  #well = 0;
  #halved = 0;

  get limit(): number {
    return this.#limit;
  }

  /** Takes each item in order. The first error ends it, once the tasks that run have ended. */
  async each<T>(items: Iterable<T>, task: (item: T) => Promise<void>): Promise<void> {
    const rest = items[Symbol.iterator]();
    const running = new Set<Promise<void>>();
    let failure: { error: unknown } | undefined;
    for (let next = rest.next(); !next.done && failure === undefined; next = rest.next()) {
      const one: Promise<void> = task(next.value).then(
        () => this.#wentWell(),
        (error) => {
          failure ??= { error };
        },
      );
      const tracked = one.finally(() => running.delete(tracked));
      running.add(tracked);
      while (running.size >= this.#limit) await Promise.race(running);
    }
    await Promise.all(running);
    if (failure !== undefined) throw failure.error;
  }

  /** The store has too much to do. */
  slower(now: number = Date.now()): void {
    if (now - this.#halved < ROUND) return;
    this.#halved = now;
    this.#limit = Math.max(LEAST, this.#limit >> 1);
    this.#well = 0;
  }

  #wentWell(): void {
    if (++this.#well < this.#limit || this.#limit >= MOST) return;
    this.#limit++;
    this.#well = 0;
  }
}
