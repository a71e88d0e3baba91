import type { Check } from '../config/schema/check.ts';
import { DatamillError, errorMessage } from '../errors.ts';
import { pause } from '../util/abort.ts';
import { CheckError } from './failure.ts';
import { tryOnce } from './kinds.ts';
import type { Attempt, CheckResult, Subject } from './subject.ts';

export interface CheckOptions {
  /** Ends the check; what it made is still removed. */
  signal?: AbortSignal;
  /** Told what the check waits for. */
  tell?(message: string): void;
}

/** Milliseconds between two tries: short ones first, as most services need only a moment. */
const PAUSES = [250, 500, 1000, 2000];
/** How long a try that was ended may take to remove what it made, in milliseconds. */
const CLEANING = 10_000;
/** A Job that fails is given one more try: programs in Jobs wait for their service themselves. */
const JOB_TRIES = 2;

/**
 * Uses a service as its component declares, again and again until that works or the deadline is
 * reached. Never throws: what went wrong is the result. An interrupted check is `skipped`.
 */
export async function runCheck(
  subject: Subject,
  check: Check,
  options: CheckOptions = {},
): Promise<CheckResult> {
  const started = performance.now();
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(), check.timeout * 1000);
  const stop = () => over.abort();
  options.signal?.addEventListener('abort', stop);
  if (options.signal?.aborted) stop();
  const run = new Run(subject, check, started, over.signal, options.tell ?? (() => undefined));
  const seconds = () => Math.round((performance.now() - started) / 100) / 10;
  const result = (state: CheckResult['result'], message: string): CheckResult => ({
    component: subject.component,
    name: check.name,
    result: state,
    seconds: seconds(),
    message,
  });
  try {
    return result('passed', await run.untilPassed());
  } catch (error) {
    if (options.signal?.aborted) return result('skipped', 'interrupted');
    return result('failed', over.signal.aborted ? run.late() : withHint(error));
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', stop);
  }
}

function withHint(error: unknown): string {
  const hint = error instanceof DatamillError && error.hint !== undefined ? `\nhint: ${error.hint}` : '';
  return `${errorMessage(error)}${hint}`;
}

/** The tries of one check. */
class Run {
  readonly #attempt: Attempt;
  readonly #check: Check;
  readonly #over: AbortSignal;
  #tries = 0;
  #waitsFor = '';
  #last: unknown;
  /** When the service first said no, in milliseconds. */
  #refusedAt: number | undefined;

  constructor(
    subject: Subject,
    check: Check,
    started: number,
    over: AbortSignal,
    tell: (message: string) => void,
  ) {
    this.#check = check;
    this.#over = over;
    this.#attempt = {
      ...subject,
      check: check.name,
      signal: over,
      left: () => Math.max(0, started + check.timeout * 1000 - performance.now()),
      doing: (what) => {
        if (what === this.#waitsFor) return;
        this.#waitsFor = what;
        tell(what);
      },
    };
  }

  /** @throws the error of the last try. */
  async untilPassed(): Promise<string> {
    for (;;) {
      this.#over.throwIfAborted();
      try {
        return await this.#once();
      } catch (error) {
        if (this.#over.aborted) throw error;
        this.#last = error;
        if (!this.#isWorthAnotherTry(error)) throw error;
        await pause(PAUSES[Math.min(this.#tries, PAUSES.length) - 1]!, this.#over);
      }
    }
  }

  /** What to say of a check that did not pass in time. */
  late(): string {
    const { timeout } = this.#check;
    if (this.#last === undefined)
      return `did not end within ${timeout} s${this.#waitsFor === '' ? '' : `; it was ${this.#waitsFor}`}`;
    const tries = this.#tries === 1 ? 'one try' : `${this.#tries} tries`;
    return `did not pass within ${timeout} s, in ${tries}; the last answer: ${withHint(this.#last)}`;
  }

  /** A try that hangs is left at the deadline, once it has removed what it made. */
  async #once(): Promise<string> {
    this.#tries++;
    this.#waitsFor = '';
    const work = tryOnce(this.#check, this.#attempt);
    // What nobody waits for any more may fail without a word.
    work.catch(() => undefined);
    let leave: () => void = () => undefined;
    const ended = new Promise<'ended'>((resolve) => {
      leave = () => resolve('ended');
      this.#over.addEventListener('abort', leave);
      if (this.#over.aborted) leave();
    });
    try {
      const first = await Promise.race([work, ended.then(() => undefined)]);
      if (first !== undefined) return first;
      const cleaned = new AbortController();
      await Promise.race([work.catch(() => undefined), pause(CLEANING, cleaned.signal)]).finally(() =>
        cleaned.abort(),
      );
      throw this.#over.reason;
    } finally {
      this.#over.removeEventListener('abort', leave);
    }
  }

  #isWorthAnotherTry(error: unknown): boolean {
    if (this.#check.job !== undefined && this.#tries >= JOB_TRIES) return false;
    const patience = error instanceof CheckError ? error.patience : Number.POSITIVE_INFINITY;
    if (patience === 0) return false;
    if (patience === Number.POSITIVE_INFINITY) {
      this.#refusedAt = undefined;
      return true;
    }
    this.#refusedAt ??= performance.now();
    return performance.now() - this.#refusedAt < patience;
  }
}
