import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import type { Place } from '../artifacts/contract.ts';
import { Lease } from '../artifacts/lease.ts';
import { isConditional } from '../artifacts/probe.ts';
import type { Request } from '../request.ts';
import { labelled, METADATA, RESULTS } from './labels.ts';
import type { End } from './outcome.ts';
import { type Results, readResults, writeResults } from './results.ts';
import type { AttemptOptions } from './run.ts';

/** What an attempt owns before it begins. */
export interface Claim {
  places: Map<string, Place>;
  /** Without an artifact to be written there is nothing to be fenced. */
  lease?: Lease;
  conditional: boolean;
  results?: { place: Place; was: string | null };
}

/** Ends after which the experiment is over, whatever became of it. */
const COMPLETE = new Set<End>(['succeeded', 'expired', 'stopped']);

/**
 * Takes the lease of an experiment, unless its work is done or somebody is at it.
 *
 * @throws {DatamillError} BAD_ARTIFACT, NO_KEYS; those of the store.
 */
export async function claim({
  request,
  digest,
  settings,
  signal,
  log,
}: AttemptOptions): Promise<Claim | { end: End; reason: string }> {
  const places = new Map(
    labelled(request).map(({ label, artifact }) => [label, settings.stores.place(label, artifact, request)]),
  );
  const anchor = anchorOf(request, places);
  if (anchor === undefined) return { places, conditional: true };
  const target =
    places.get(RESULTS) ?? anchor.sibling(joined(dirname(anchor.key), `${RESULTS}/${RESULTS}.json`));
  const look = () => readResults(target, settings.workingDir || tmpdir(), signal);
  if ((await look())?.results?.request === digest) return DUPLICATE;
  const conditional = await isConditional(anchor);
  if (!conditional)
    log(
      'warn',
      `${anchor.name}: the store does not keep to conditional writes; a late worker is only told by its lease`,
    );
  const lease = await Lease.take({
    place: anchor.sibling(`attempts/${request.experiment.key}/lease.json`),
    holder: settings.host,
    ttl: settings.leaseTtl,
    signal,
  });
  if (lease === undefined) return { end: 'busy', reason: 'another worker is at it' };
  try {
    // The one before may have ended while we waited.
    const found = await look();
    if (found?.results?.request === digest) {
      await lease.release({ counted: false });
      return DUPLICATE;
    }
    return { places, lease, conditional, results: { place: target, was: found?.version ?? null } };
  } catch (error) {
    await lease.release({ counted: false });
    throw error;
  }
}

const DUPLICATE = { end: 'duplicate' as End, reason: 'its results are there already' };

/** Writes the results where the experiment is over, and gives the lease back. */
export async function finish(
  { lease, results: target, conditional }: Claim,
  { end, results, scratch }: { end: End; results: Results; scratch: string },
): Promise<void> {
  if (lease === undefined) return;
  if (COMPLETE.has(end) && target !== undefined)
    await writeResults(target.place, results, { was: target.was, scratch, lease, conditional });
  await lease.release({ counted: end !== 'drained' });
}

/** The artifact beside which the lease and the results are. */
function anchorOf({ experiment }: Request, places: Map<string, Place>): Place | undefined {
  const mutable = (label: string) => experiment.artifacts?.[label]?.mutable === true;
  const first = [METADATA, 'output', ...places.keys()].find((label) => places.has(label) && mutable(label));
  return first === undefined ? undefined : places.get(first);
}

function joined(folder: string, name: string): string {
  return folder === '.' || folder === '' ? name : `${folder}/${name}`;
}
