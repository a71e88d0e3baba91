import { DatamillError } from '../errors.ts';
import type { Resources } from './resources.ts';

/** A card, which several experiments of one queue may share. */
export interface Gpu {
  /** As `CUDA_VISIBLE_DEVICES` names it. */
  id: string;
  slots: number;
  /** Bytes. */
  memory: number;
}

export interface Capacity {
  cpus: number;
  /** Bytes. */
  ram: number;
  /** Bytes. */
  hdd: number;
  gpus: readonly Gpu[];
}

/** Resources that are an experiment's until it gives them back. */
export interface Reservation extends Resources {
  /** Cards on which it has slots. */
  cards: string[];
  release(): void;
}

interface Card extends Gpu {
  free: number;
  freeMemory: number;
  /** The queue that has it until all of its experiments have ended. */
  queue?: string;
}

/** Gives out what the machine has, never more. */
export class Allocator {
  readonly capacity: Capacity;
  readonly #free: { cpus: number; ram: number; hdd: number };
  readonly #cards: Card[];
  readonly #onRelease = new Set<() => void>();

  constructor(capacity: Capacity) {
    this.capacity = capacity;
    this.#free = { cpus: capacity.cpus, ram: capacity.ram, hdd: capacity.hdd };
    this.#cards = capacity.gpus.map((gpu) => ({ ...gpu, free: gpu.slots, freeMemory: gpu.memory }));
  }

  get free(): Readonly<{ cpus: number; ram: number; hdd: number; gpus: number }> {
    return { ...this.#free, gpus: this.#cards.reduce((sum, { free }) => sum + free, 0) };
  }

  /** Whether it could be run here when nothing else is. */
  canEver({ cpus, ram, hdd, gpus, gpuMem }: Resources): boolean {
    const { capacity } = this;
    const slots = capacity.gpus
      .filter(({ memory }) => memory >= gpuMem)
      .reduce((sum, one) => sum + one.slots, 0);
    return cpus <= capacity.cpus && ram <= capacity.ram && hdd <= capacity.hdd && gpus <= slots;
  }

  fits(needed: Resources, queue: string): boolean {
    return this.#choose(needed, queue) !== undefined;
  }

  /** Undefined when there is not enough now. */
  tryReserve(needed: Resources, queue: string): Reservation | undefined {
    const chosen = this.#choose(needed, queue);
    if (chosen === undefined) return undefined;
    this.#free.cpus -= needed.cpus;
    this.#free.ram -= needed.ram;
    this.#free.hdd -= needed.hdd;
    for (const { card, slots, memory } of chosen) {
      card.free -= slots;
      card.freeMemory -= memory;
      card.queue = queue;
    }
    let held = true;
    const release = () => {
      if (!held) throw new DatamillError('BUG', 'a reservation was released twice');
      held = false;
      this.#giveBack(needed, chosen);
    };
    return { ...needed, cards: chosen.map(({ card }) => card.id), release };
  }

  /** Calls back after every release, until the returned function is called. */
  onRelease(listener: () => void): () => void {
    this.#onRelease.add(listener);
    return () => this.#onRelease.delete(listener);
  }

  #giveBack(needed: Resources, chosen: Share[]): void {
    this.#free.cpus += needed.cpus;
    this.#free.ram += needed.ram;
    this.#free.hdd += needed.hdd;
    for (const { card, slots, memory } of chosen) {
      card.free += slots;
      card.freeMemory += memory;
      if (card.free === card.slots) card.queue = undefined;
    }
    for (const listener of this.#onRelease) listener();
  }

  #choose({ cpus, ram, hdd, gpus, gpuMem }: Resources, queue: string): Share[] | undefined {
    if (cpus > this.#free.cpus || ram > this.#free.ram || hdd > this.#free.hdd) return undefined;
    const chosen: Share[] = [];
    let left = gpus;
    // Cards that the queue has already come first, then the smallest ones.
    const usable = this.#cards
      .filter(
        (card) =>
          card.free > 0 && card.freeMemory >= gpuMem && (card.queue === undefined || card.queue === queue),
      )
      .sort((a, b) => Number(b.queue === queue) - Number(a.queue === queue) || a.free - b.free);
    for (const card of usable) {
      if (left === 0) break;
      const slots = Math.min(card.free, left);
      chosen.push({ card, slots, memory: gpuMem });
      left -= slots;
    }
    return left === 0 ? chosen : undefined;
  }
}

interface Share {
  card: Card;
  slots: number;
  memory: number;
}
