import { errorMessage } from '../errors.ts';
import { type Keyring, progressReport, type State, sealPayload } from './envelope/index.ts';
import type { Log } from './log.ts';
import type { TaskQueues } from './queues/contract.ts';

/** Reports that wait to be sent; more are dropped, oldest first. */
const BUFFERED = 64;
/** Milliseconds for which it is remembered whether a queue has one for reports. */
const FRESH = 30_000;

export interface ReporterOptions {
  keys: Keyring;
  host: string;
  log: Log;
}

interface Waiting {
  source: TaskQueues;
  queue: string;
  text: string;
}

/** Sends sealed reports to `<queue>_response`, where there is such a queue and a key for it. Work never waits for it. */
export class Reporter {
  readonly #options: ReporterOptions;
  readonly #known = new Map<string, { at: number; exists: boolean }>();
  readonly #waiting: Waiting[] = [];
  #sending?: Promise<void>;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  tell(
    source: TaskQueues,
    queue: string,
    about: { experiment: string; id: string },
    state: State,
    error?: string,
  ): void {
    const { host } = this.#options;
    const text = JSON.stringify(progressReport({ ...about, host }, state, error));
    this.#waiting.push({ source, queue, text });
    if (this.#waiting.length > BUFFERED) this.#waiting.shift();
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined;
    });
  }

  /** Until what waits is sent. */
  async flush(): Promise<void> {
    await this.#sending;
  }

  async #send(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const { source, queue, text } = next;
      try {
        const key = this.#options.keys.reportKey(queue);
        const target = `${queue}_response`;
        if (key === undefined || !(await this.#exists(source, target))) continue;
        const sealed = { message: { payload: sealPayload(text, key) } };
        await source.publish(target, Buffer.from(JSON.stringify(sealed)), { create: false });
      } catch (error) {
        this.#options.log('warn', `a report for ${queue} was not sent: ${errorMessage(error)}`);
      }
    }
  }

  async #exists(source: TaskQueues, queue: string): Promise<boolean> {
    const known = this.#known.get(queue);
    if (known !== undefined && performance.now() - known.at < FRESH) return known.exists;
    const exists = await source.exists(queue);
    this.#known.set(queue, { at: performance.now(), exists });
    return exists;
  }
}
