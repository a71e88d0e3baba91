import { open, readFile } from 'node:fs/promises';
import { writeAtomically } from '../../util/atomic.ts';
import { ScrapeDocument } from './document.ts';
import type { JsonObject } from './json.ts';
import { LineSplitter } from './lines.ts';

/** Bytes of a line that is read; longer ones are counted and skipped. */
const LONGEST = 1024 * 1024;
const CHUNK = 1024 * 1024;

export interface ScraperOptions {
  /** The log, which may grow while it is read. */
  log: string;
  /** The document, written whole or not at all. */
  document: string;
  /** Says how far the log was read, for a process that goes on. */
  state: string;
  /** What the document holds before the first line. */
  initial: JsonObject;
  longest?: number;
  /** Other lines become entries of `/studioml/log`. */
  schemaLogs?: boolean;
}

interface State {
  schema: 1;
  /** Byte of the log up to which the document holds all. */
  offset: number;
  data: JsonObject;
}

/**
 * Turns the lines of a growing log into a document. Each byte is read once; where it was is kept
 * beside the document, so that another process can go on.
 */
export class Scraper {
  readonly #options: ScraperOptions;
  readonly #document: ScrapeDocument;
  readonly #lines: LineSplitter;
  readonly #start: number;
  #read: number;

  private constructor(options: ScraperOptions, { offset, data }: State) {
    this.#options = options;
    this.#document = new ScrapeDocument(data);
    this.#start = offset;
    this.#read = offset;
    const other = options.schemaLogs ? (line: string) => this.#document.log(line) : undefined;
    this.#lines = new LineSplitter(
      { take: (line) => this.#document.line(line), skip: () => this.#document.tooLong(), other },
      options.longest ?? LONGEST,
    );
  }

  /** Begins, or goes on where a process before has been. */
  static async open(options: ScraperOptions): Promise<Scraper> {
    const kept = await readFile(options.state, 'utf8').catch(() => undefined);
    const state = kept === undefined ? undefined : parseState(kept);
    return new Scraper(options, state ?? { schema: 1, offset: 0, data: options.initial });
  }

  get data(): JsonObject {
    return this.#document.data;
  }

  /** What the runner itself has to say. */
  record(patch: JsonObject): void {
    this.#document.record(patch);
  }

  /** Reads what has come to the log since. @param last whether a line without an end is whole. */
  async advance({ last = false } = {}): Promise<void> {
    const handle = await open(this.#options.log).catch(() => undefined);
    if (handle === undefined) return;
    try {
      const buffer = Buffer.allocUnsafe(CHUNK);
      for (;;) {
        const { bytesRead } = await handle.read(buffer, 0, CHUNK, this.#read);
        if (bytesRead === 0) break;
        this.#read += bytesRead;
        this.#lines.write(buffer.subarray(0, bytesRead));
      }
    } finally {
      await handle.close();
    }
    if (last) this.#lines.finish();
  }

  /** Writes the document, and beside it how far the log was read. */
  async save(): Promise<void> {
    const { data } = this.#document;
    const state: State = { schema: 1, offset: this.#start + this.#lines.consumed, data };
    await writeAtomically(this.#options.document, `${JSON.stringify(data, null, 2)}\n`, 0o600);
    await writeAtomically(this.#options.state, JSON.stringify(state), 0o600);
  }
}

function parseState(text: string): State | undefined {
  try {
    return JSON.parse(text) as State;
  } catch {
    return undefined;
  }
}
