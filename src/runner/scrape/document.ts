import { errorMessage } from '../../errors.ts';
import { guardMerge, guardOperation } from './guard.ts';
import { clone, hasMember, isObject, type Json, type JsonObject } from './json.ts';
import { mergePatch } from './merge.ts';
import { applyPatch, looksLikePatch, type Operation, parsePatch } from './patch.ts';
import { formatPointer } from './pointer.ts';

/** Errors and tags that are kept; the rest is counted. */
const KEPT = 100;
const TAGS = 1000;

/** What is scraped: `{runner, experiment, studioml, asset}`. */
export class ScrapeDocument {
  readonly data: JsonObject;

  constructor(data: JsonObject) {
    this.data = data;
    if (!isObject(this.data.experiment)) this.data.experiment = {};
    if (!isObject(this.data.studioml)) this.data.studioml = {};
  }

  /** Applies one line of an experiment's output; most are nothing to us. A bad one is noted and skipped. */
  line(text: string): void {
    let value: Json;
    try {
      value = JSON.parse(text) as Json;
    } catch {
      // Logs hold many lines that begin like JSON.
      return;
    }
    if (looksLikePatch(value)) this.#try(text, () => this.#patch(value));
    else if (isObject(value) && (hasMember(value, 'experiment') || hasMember(value, 'studioml')))
      this.#try(text, () => this.#merge(value));
  }

  /** What the runner itself has to say: nothing is guarded. */
  record(patch: JsonObject): void {
    mergePatch(this.data, clone(patch));
  }

  /** Counts a line that was too long to be read. */
  tooLong(): void {
    const studioml = this.#studioml();
    studioml.long_lines = Number(studioml.long_lines ?? 0) + 1;
  }

  /** Adds a line of the log to `/studioml/log`, for `--schema-logs`. */
  log(text: string): void {
    const studioml = this.#studioml();
    if (!Array.isArray(studioml.log)) studioml.log = [];
    studioml.log.push({ ts: new Date().toISOString(), msg: text });
  }

  #merge(patch: JsonObject): void {
    guardMerge(this.data, patch);
    if (hasMember(patch, 'experiment') && !isObject(patch.experiment))
      throw new Error('/experiment must be an object');
    mergePatch(this.data, patch, (path) => this.#repeated(path));
  }

  #patch(value: Json[]): void {
    const operations = parsePatch(value);
    if (operations.length === 1 || !operations.some(touchesAudit)) {
      for (const operation of operations) guardOperation(this.data, operation);
      applyPatch(this.data, operations);
      return;
    }
    // Each operation is judged by what the ones before it made.
    const copy = clone(this.data);
    for (const operation of operations) {
      guardOperation(copy, operation);
      applyPatch(copy, [operation]);
    }
    applyPatch(this.data, operations);
  }

  #try(text: string, change: () => void): void {
    try {
      change();
    } catch (error) {
      const studioml = this.#studioml();
      if (!Array.isArray(studioml.errors)) studioml.errors = [];
      studioml.error_count = Number(studioml.error_count ?? 0) + 1;
      if (studioml.errors.length < KEPT)
        studioml.errors.push({
          ts: new Date().toISOString(),
          msg: errorMessage(error),
          line: text.slice(0, 200),
        });
    }
  }

  /** A tag that is set again takes the last value, and is counted. */
  #repeated(path: readonly string[]): void {
    if (path[0] !== 'experiment') return;
    const studioml = this.#studioml();
    if (!isObject(studioml.repeated)) studioml.repeated = {};
    const tag = formatPointer(path);
    if (!hasMember(studioml.repeated, tag) && Object.keys(studioml.repeated).length >= TAGS) return;
    studioml.repeated[tag] = Number(studioml.repeated[tag] ?? 0) + 1;
  }

  #studioml(): JsonObject {
    if (!isObject(this.data.studioml)) this.data.studioml = {};
    return this.data.studioml;
  }
}

function touchesAudit({ path, from }: Operation): boolean {
  return path[0] === 'studioml' || from?.[0] === 'studioml';
}
