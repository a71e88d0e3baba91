import { before, type Instant, type LogLine } from './log-lines.ts';

/** Both outputs of a container go to one file, where their lines may stand out of order by a little. */
const WINDOW = 1;

/**
 * How far a log has been read, so that reading it again from there neither loses nor doubles a
 * line. The API knows whole seconds only, and lines may have equal times: so those of the last
 * seconds are counted.
 */
export class LogCursor {
  #first: Instant | undefined;
  #newest: Instant | undefined;
  /** second -> nanosecond -> lines of that time. */
  readonly #seen = new Map<number, Map<number, number>>();
  /** What of `seen` the present reading has not come across yet; undefined in the first one. */
  #expected: Map<string, number> | undefined;
  #skipping = false;

  /** From when to read on, for `sinceTime`; undefined when nothing was read yet. */
  get since(): string | undefined {
    if (this.#newest === undefined) return undefined;
    return `${new Date((this.#newest.second - WINDOW) * 1000).toISOString().slice(0, 19)}Z`;
  }

  /** Begins a further reading, from `since` on. */
  restart(): void {
    if (this.#newest === undefined) return;
    this.#expected = new Map();
    for (const [second, counts] of this.#seen) {
      for (const [nanosecond, count] of counts) this.#expected.set(`${second}.${nanosecond}`, count);
    }
  }

  /** The lines that were not given before. */
  fresh(lines: readonly LogLine[]): LogLine[] {
    return lines.filter((line) => {
      // The rest of a long line follows its beginning.
      if (line.at !== undefined) this.#skipping = this.#isOld(line.at);
      else if (!line.continued) return true;
      if (!this.#skipping && line.at !== undefined) this.#note(line.at);
      return !this.#skipping;
    });
  }

  #isOld(at: Instant): boolean {
    if (this.#expected === undefined) return false;
    // What a first reading left out (`--tail`) is not new.
    if (this.#first !== undefined && before(at, this.#first)) return true;
    const key = `${at.second}.${at.nanosecond}`;
    const left = this.#expected.get(key) ?? 0;
    if (left > 0) this.#expected.set(key, left - 1);
    return left > 0;
  }

  #note(at: Instant): void {
    this.#first ??= at;
    const counts = this.#seen.get(at.second) ?? new Map<number, number>();
    counts.set(at.nanosecond, (counts.get(at.nanosecond) ?? 0) + 1);
    this.#seen.set(at.second, counts);
    if (this.#newest !== undefined && !before(this.#newest, at)) return;
    this.#newest = at;
    for (const second of this.#seen.keys()) if (second < at.second - WINDOW) this.#seen.delete(second);
  }
}
