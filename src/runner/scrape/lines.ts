const NEWLINE = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
const TAB = 0x09;
const BRACE = 0x7b;
const BRACKET = 0x5b;

export interface LineTaker {
  /** A line that may be JSON, without what ends it. */
  take(line: string): void;
  /** A line longer than the limit, which was skipped. */
  skip(): void;
  /** Any other line, where it is wanted. */
  other?(line: string): void;
}

/**
 * Cuts a log into lines by bytes, so that characters cut by a chunk's border stay whole. A progress
 * bar writes over its line with carriage returns: what stands last counts. Lines that cannot be
 * JSON cost no more than to be seen.
 */
export class LineSplitter {
  readonly #taker: LineTaker;
  readonly #limit: number;
  #held: Buffer[] = [];
  #size = 0;
  #skipping = false;
  /** Bytes up to the end of the last whole line. */
  #consumed = 0;

  /** @param limit bytes that a line may have. */
  constructor(taker: LineTaker, limit: number) {
    this.#taker = taker;
    this.#limit = limit;
  }

  /** Bytes of whole lines so far. */
  get consumed(): number {
    return this.#consumed;
  }

  write(chunk: Buffer): void {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
      this.#end(chunk, from, at);
      from = at + 1;
    }
    if (from < chunk.length) this.#hold(chunk.subarray(from));
  }

  /** The last line has no end. */
  finish(): void {
    if (this.#size > 0) this.#end(Buffer.alloc(0), 0, 0);
  }

  #hold(rest: Buffer): void {
    this.#size += rest.length;
    if (this.#size > this.#limit) {
      this.#skipping = true;
      this.#held = [];
    }
    // A copy: the chunk's memory may be used again.
    if (!this.#skipping) this.#held.push(Buffer.from(rest));
  }

  #end(chunk: Buffer, from: number, to: number): void {
    const length = this.#size + (to - from);
    if (this.#skipping || length > this.#limit) this.#taker.skip();
    else if (this.#held.length === 0) this.#line(chunk, from, to);
    else {
      const whole = Buffer.concat([...this.#held, chunk.subarray(from, to)]);
      this.#line(whole, 0, whole.length);
    }
    this.#consumed += length + 1;
    this.#held = [];
    this.#size = 0;
    this.#skipping = false;
  }

  #line(bytes: Buffer, start: number, end: number): void {
    let to = end;
    while (to > start && (bytes[to - 1] === RETURN || bytes[to - 1] === SPACE || bytes[to - 1] === TAB)) to--;
    let from = start;
    while (from < to && (bytes[from] === SPACE || bytes[from] === TAB)) from++;
    let first = bytes[from];
    if (first !== BRACE && first !== BRACKET) {
      const back = to > from ? bytes.lastIndexOf(RETURN, to - 1) : -1;
      if (back >= from) {
        from = back + 1;
        while (from < to && (bytes[from] === SPACE || bytes[from] === TAB)) from++;
        first = bytes[from];
      }
    }
    const closed = bytes[to - 1] === (first === BRACE ? 0x7d : 0x5d);
    if (to - from > 1 && (first === BRACE || first === BRACKET) && closed)
      this.#taker.take(bytes.toString('utf8', from, to));
    else if (this.#taker.other !== undefined && to > from)
      this.#taker.other(bytes.toString('utf8', from, to));
  }
}
