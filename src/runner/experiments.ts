import { configError } from '../errors.ts';
import { limiter } from '../util/limit.ts';
import { type Place, readWhole } from './artifacts/contract.ts';
import { fromEnvironment } from './artifacts/credentials.ts';
import { parseAddress, Stores } from './artifacts/stores.ts';
import { parseAttemptFile } from './attempt/names.ts';
import { isObject, type Json, type JsonObject } from './scrape/json.ts';

/** One attempt, as its scrape document tells it. */
export interface ExperimentRow {
  key: string;
  project: string;
  status: string;
  host: string;
  attempt: number;
  /** RFC 3339. */
  start: string;
  stop: string | null;
  file: string;
  experiment: JsonObject;
}

export interface ExperimentsOptions {
  /** Where the metadata is: `s3://host:port/bucket`, `file:///folder`. */
  store: string;
  project?: string;
  /** `name=value` of the section experiment; names may have dots. */
  where: readonly string[];
  signal: AbortSignal;
}

const LARGEST = 64 * 1024 * 1024;

/**
 * Attempts from their scrape documents, newest first.
 *
 * @throws {DatamillError} FLAG (exit 2); those of the store.
 */
export async function listExperiments({
  store,
  project,
  where,
  signal,
}: ExperimentsOptions): Promise<ExperimentRow[]> {
  const conditions = where.map(parseCondition);
  const stores = new Stores({ own: process.env, folders: ['/'] });
  try {
    const any = stores.at(parseAddress(`${store.replace(/\/$/, '')}/metadata`), fromEnvironment(process.env));
    const keys = (await any.list('metadata/scrape-host-', signal)).filter((key) => key.endsWith('.json'));
    const limit = limiter(16);
    const rows = await Promise.all(keys.map((key) => limit(() => rowOf(any.sibling(key), signal))));
    return rows
      .filter((row) => row !== undefined)
      .filter((row) => project === undefined || row.project === project)
      .filter(({ experiment }) => conditions.every((holds) => holds(experiment)))
      .sort((a, b) => (a.start < b.start ? 1 : a.start > b.start ? -1 : b.attempt - a.attempt));
  } finally {
    stores.close();
  }
}

async function rowOf(place: Place, signal: AbortSignal): Promise<ExperimentRow | undefined> {
  const file = place.key.slice('metadata/'.length);
  const name = parseAttemptFile(file);
  const found = name === undefined ? undefined : await readWhole(place, LARGEST, signal);
  if (found === undefined) return undefined;
  const data = parse(found.body.toString());
  const part = (value: Json | undefined): JsonObject => (isObject(value) ? value : {});
  const text = (value: Json | undefined) => (typeof value === 'string' ? value : '');
  const [runner, studioml] = [part(data?.runner), part(data?.studioml)];
  const { key, project } = part(studioml.experiment);
  return {
    key: text(key),
    project: text(project),
    status: text(studioml.status),
    host: text(runner.host) || name!.host,
    attempt: Number(studioml.attempt ?? 1),
    start: text(runner.start) || new Date(name!.seconds * 1000).toISOString(),
    stop: text(runner.stop) || null,
    file,
    experiment: part(data?.experiment),
  };
}

function parse(text: string): JsonObject | undefined {
  try {
    const value = JSON.parse(text) as Json;
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function parseCondition(text: string): (experiment: JsonObject) => boolean {
  const at = text.indexOf('=');
  if (at < 1) throw configError('FLAG', `--where ${text}: this is not name=value`);
  const path = text.slice(0, at).split('.');
  const wanted = text.slice(at + 1);
  return (experiment) => {
    let value: Json | undefined = experiment;
    for (const part of path) value = isObject(value) ? value[part] : undefined;
    return value !== undefined && (typeof value === 'string' ? value : JSON.stringify(value)) === wanted;
  };
}
