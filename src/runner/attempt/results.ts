import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatamillError } from '../../errors.ts';
import { Budget, unpack } from '../artifacts/archive.ts';
import { ConflictError, type Place, readWhole } from '../artifacts/contract.ts';
import type { Lease } from '../artifacts/lease.ts';
import { packTo, survey } from '../artifacts/pack.ts';
import { RESULTS } from './labels.ts';

/** `_results/_results.json`, as the reference writes it, and what says whose they are. */
export interface Results {
  exit_msg: string;
  experiment_id: string;
  host: string;
  artifacts: Record<string, { name: string }>;
  schema: 1;
  /** SHA-256 of the request: the same message that comes again finds its work done. */
  request: string;
  epoch: number;
}

const LARGEST = 1024 * 1024;

/** What is there already; a version alone when it cannot be read. */
export async function readResults(
  place: Place,
  scratch: string,
  signal: AbortSignal,
): Promise<{ version: string; results?: Results } | undefined> {
  const found = await readWhole(place, LARGEST, signal);
  if (found === undefined) return undefined;
  try {
    const text = isArchive(place.key) ? await unpacked(found.body, scratch, signal) : found.body.toString();
    return { version: found.version, results: JSON.parse(text) as Results };
  } catch {
    return { version: found.version };
  }
}

/**
 * Writes the results, last of all: the mark that an experiment is complete.
 *
 * @param was the version that was seen at the start; null for none.
 * @throws {DatamillError} LEASE_LOST when somebody else has written them.
 */
export async function writeResults(
  place: Place,
  results: Results,
  {
    was,
    scratch,
    lease,
    conditional,
  }: { was: string | null; scratch: string; lease: Lease; conditional: boolean },
): Promise<void> {
  const text = `${JSON.stringify(results, null, 2)}\n`;
  const content = isArchive(place.key) ? await packed(text, place.key, scratch) : Buffer.from(text);
  await lease.check();
  try {
    await place.write(content, conditional ? { condition: { was } } : {});
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
    // A write that was sent twice, as its answer was lost, fails the second time and is ours.
    const there = await readResults(place, scratch, AbortSignal.timeout(60_000));
    if (there?.results?.epoch === results.epoch && there.results.request === results.request) return;
    throw new DatamillError('LEASE_LOST', `another attempt has written ${place.name}`, { cause: error });
  } finally {
    if (typeof content === 'string') await rm(content, { force: true });
  }
}

function isArchive(key: string): boolean {
  return /\.(tar|tgz|tbz2?)(\.\w+)?$/.test(key);
}

async function packed(text: string, key: string, scratch: string): Promise<string> {
  const folder = join(scratch, `results-${randomUUID()}`);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${RESULTS}.json`), text);
  const file = `${folder}.tar`;
  await packTo(file, key, await survey(folder));
  await rm(folder, { recursive: true, force: true });
  return file;
}

async function unpacked(body: Buffer, scratch: string, signal: AbortSignal): Promise<string> {
  const { Readable } = await import('node:stream');
  const { readFile } = await import('node:fs/promises');
  const folder = join(scratch, `results-${randomUUID()}`);
  try {
    await unpack(Readable.from([body], { objectMode: false }), folder, new Budget(LARGEST), signal);
    return await readFile(join(folder, `${RESULTS}.json`), 'utf8');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
