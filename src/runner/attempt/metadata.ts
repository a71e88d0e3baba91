import { randomUUID } from 'node:crypto';
import { appendFile, mkdir, stat, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Place } from '../artifacts/contract.ts';
import { type Request, redactedRequest } from '../request.ts';
import { Scraper } from '../scrape/index.ts';
import type { JsonObject } from '../scrape/json.ts';
import { labelled } from './labels.ts';
import { claimName } from './names.ts';

/** Where metadata files are, in the bucket of the artifact `_metadata`. */
const FOLDER = 'metadata';

export interface MetadataOptions {
  request: Request;
  host: string;
  root: string;
  log: string;
  /** The artifact `_metadata`; without it nothing is scraped. */
  place: Place;
  attempt: number;
  schemaLogs: boolean;
  signal: AbortSignal;
}

/** The files about one attempt: what it printed, what the runner did, what was scraped, and the request. */
export class Metadata {
  readonly name: string;
  readonly #options: MetadataOptions;
  readonly #scraper: Scraper;
  readonly #sent = new Map<string, string>();
  #version: string;
  #saving: Promise<void> = Promise.resolve();

  private constructor(options: MetadataOptions, name: string, version: string, scraper: Scraper) {
    this.#options = options;
    this.name = name;
    this.#version = version;
    this.#scraper = scraper;
  }

  static async begin(options: MetadataOptions): Promise<Metadata> {
    const { place, host, root, log, signal, request, schemaLogs } = options;
    const initial = await initialDocument(options);
    const at = (name: string) => place.sibling(`${FOLDER}/scrape-host-${name}.json`);
    const { name, version } = await claimName(
      host,
      Buffer.from(JSON.stringify(initial, null, 2)),
      at,
      signal,
    );
    const folder = join(root, '_metadata');
    await mkdir(folder, { recursive: true });
    const document = join(folder, `scrape-host-${name}.json`);
    const state = join(root, '_runner', 'scrape.json');
    const scraper = await Scraper.open({ log, document, state, initial, schemaLogs });
    const redacted = JSON.stringify(redactedRequest(request), null, 2);
    await writeFile(join(folder, `request-host-${name}.json`), `${redacted}\n`, { mode: 0o600 });
    return new Metadata(options, name, version, scraper);
  }

  /** Directives that could not be used. */
  get errors(): number {
    return Number((this.#scraper.data.studioml as JsonObject).error_count ?? 0);
  }

  /** A line for `runner-host-….log`. */
  async note(line: string): Promise<void> {
    const { root } = this.#options;
    await appendFile(join(root, '_metadata', `runner-host-${this.name}.log`), `${line}\n`, { mode: 0o600 });
  }

  /** What the runner has to say about the experiment. */
  record(patch: JsonObject): void {
    this.#scraper.record(patch);
  }

  /** Reads what the experiment printed since, without sending anything. */
  async scrape(): Promise<void> {
    this.#saving = this.#saving.catch(() => undefined).then(() => this.#scraper.advance());
    await this.#saving;
  }

  /** Reads on and sends what has changed. @param last whether no more will be printed. */
  async save({ last = false, signal }: { last?: boolean; signal?: AbortSignal } = {}): Promise<void> {
    this.#saving = this.#saving.catch(() => undefined).then(() => this.#save(last, signal));
    await this.#saving;
  }

  async #save(last: boolean, signal?: AbortSignal): Promise<void> {
    const { log, root, place } = this.#options;
    await this.#scraper.advance({ last });
    await this.#scraper.save();
    const folder = join(root, '_metadata');
    const scraped = join(folder, `scrape-host-${this.name}.json`);
    const text = JSON.stringify(this.#scraper.data);
    if (this.#sent.get('scrape') !== text) {
      const target = place.sibling(`${FOLDER}/scrape-host-${this.name}.json`);
      this.#version = await target.write(scraped, { condition: { was: this.#version }, signal });
      this.#sent.set('scrape', text);
    }
    await this.#send(log, `output-host-${this.name}.log`, signal);
    await this.#send(join(folder, `runner-host-${this.name}.log`), `runner-host-${this.name}.log`, signal);
    await this.#send(
      join(folder, `request-host-${this.name}.json`),
      `request-host-${this.name}.json`,
      signal,
    );
  }

  async #send(file: string, name: string, signal?: AbortSignal): Promise<void> {
    const info = await stat(file).catch(() => undefined);
    if (info === undefined) return;
    const print = `${info.size} ${info.mtimeMs}`;
    if (this.#sent.get(name) === print) return;
    await this.#options.place.sibling(`${FOLDER}/${name}`).write(file, { signal });
    this.#sent.set(name, print);
  }
}

async function initialDocument({ request, host, root, attempt }: MetadataOptions): Promise<JsonObject> {
  const { key, project, project_version, project_experiment, author } = request.experiment;
  const start = new Date().toISOString();
  const disk = await statfs(root).catch(() => undefined);
  const artifacts = labelled(request).flatMap(({ label, artifact }) =>
    artifact.qualified ? [[label, artifact.qualified]] : [],
  );
  return {
    runner: {
      start,
      host,
      disk: disk === undefined ? null : { size: disk.blocks * disk.bsize, free: disk.bavail * disk.bsize },
    },
    experiment: {},
    studioml: {
      status: 'running',
      attempt,
      experiment: {
        key,
        project: project ?? '',
        ...(project_version ? { project_version } : {}),
        ...(project_experiment ? { project_experiment } : {}),
        ...(author ? { author } : {}),
      },
      artifacts: Object.fromEntries(artifacts),
      host,
      start_time: start,
      log: [],
    },
    asset: randomUUID(),
  };
}
