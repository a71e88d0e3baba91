import { pause } from '../util/abort.ts';
import type { Api } from './client.ts';
import { isFault, isStatus } from './errors.ts';
import type { LogCursor } from './log-cursor.ts';
import type { LogLine } from './log-lines.ts';
import { type ContainerRef, hasNoLog, isNodeTalk, type LogQuery, readLog } from './logs.ts';
import type { ContainerState, PodBook } from './pod-book.ts';
import { isCut } from './watch.ts';

const FIRST_WAIT = 200;
const LONGEST_WAIT = 5000;

export interface FollowOptions {
  /** What of the log is wanted that is there already. */
  query: Pick<LogQuery, 'sinceSeconds' | 'tail'>;
  signal: AbortSignal;
  onLines(lines: LogLine[]): Promise<void>;
  /** Something that a reader of the log should know, in words. */
  onNotice(message: string): void;
  /** The container has ended and its log was read; another one may take its place. */
  onEnd?(): void;
}

/** Follows the log of one container, also of those that are started in its place. */
export class LogFollower {
  readonly #api: Api;
  readonly #ref: ContainerRef;
  readonly #book: PodBook;
  readonly #options: FollowOptions;
  readonly #cursor: LogCursor;
  /** The id of the container that was read last. */
  #instance: string | undefined;
  #wait = FIRST_WAIT;

  constructor(api: Api, ref: ContainerRef, book: PodBook, cursor: LogCursor, options: FollowOptions) {
    this.#api = api;
    this.#ref = ref;
    this.#book = book;
    this.#cursor = cursor;
    this.#options = options;
  }

  /**
   * Returns when the pod is gone and its log was read to the end, or the signal has fired.
   *
   * @throws {KubeError} when the API server refuses the log.
   */
  async run(): Promise<void> {
    const { signal } = this.#options;
    let read: string | undefined;
    while (!signal.aborted) {
      const state = this.#book.container(this.#ref);
      if (state === undefined) return;
      // Nothing is there to read, or all of it was.
      if (state.id === undefined || (state.id === read && !state.running)) {
        await this.#book.changed(signal);
        continue;
      }
      await this.#begin(state);
      const ended = await this.#read({ follow: state.running });
      if (signal.aborted) return;
      const now = this.#book.container(this.#ref);
      if (now?.id !== state.id) continue;
      if (ended && !state.running) {
        read = state.id;
        this.#options.onEnd?.();
      }
      // The connection broke, or the news of the container's end is still on its way.
      else if (now.running) await this.#book.changedWithin(this.#backOff(), signal);
      else if (!ended) await pause(this.#backOff(), signal).catch(() => undefined);
    }
  }

  /** A container took the place of another one: what that said last may not have been read. */
  async #begin({ id, restarts, lastEnd }: ContainerState): Promise<void> {
    const replaced = this.#instance !== undefined && this.#instance !== id;
    this.#instance = id;
    if (!replaced) return;
    const how = lastEnd === undefined ? '' : `: ${lastEnd}`;
    if (restarts > 0) await this.#read({ previous: true });
    this.#options.onNotice(`${this.#ref.pod}/${this.#ref.container} was started again${how}`);
  }

  /** @returns whether the log was read to where it ended by itself. */
  async #read(how: Pick<LogQuery, 'follow' | 'previous'>): Promise<boolean> {
    const { query, signal, onLines, onNotice } = this.#options;
    const since = this.#cursor.since;
    this.#cursor.restart();
    try {
      const wanted = since === undefined ? query : { sinceTime: since };
      for await (const lines of readLog(this.#api, this.#ref, { ...wanted, ...how }, signal)) {
        const fresh = this.#cursor.fresh(lines.filter((line) => !isNodeTalk(line)));
        if (fresh.length > 0) await onLines(fresh);
        this.#wait = FIRST_WAIT;
      }
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      if (how.previous && hasNoLog(error)) return true;
      if (isStatus(error, 404)) return this.#gone();
      if (!hasNoLog(error) && !isFault(error) && !isCut(error)) throw error;
      if (isFault(error)) onNotice(`the log of ${this.#ref.pod} cannot be read now; trying again`);
      return false;
    }
  }

  /** The pod is gone for the API server, and soon for those who watch. */
  async #gone(): Promise<boolean> {
    await this.#book.changedWithin(LONGEST_WAIT, this.#options.signal);
    return false;
  }

  #backOff(): number {
    const wait = this.#wait;
    this.#wait = Math.min(wait * 2, LONGEST_WAIT);
    return wait;
  }
}
