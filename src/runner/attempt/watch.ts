import { errorMessage } from '../../errors.ts';
import { type Place, readWhole } from '../artifacts/contract.ts';
import type { Log } from '../log.ts';
import type { Request } from '../request.ts';
import { returned, STATUS } from './labels.ts';
import { saveEvery } from './limits.ts';
import type { Metadata } from './metadata.ts';
import type { End } from './outcome.ts';
import type { Returns } from './returns.ts';

/** Milliseconds between two looks at the status object. */
const STATUS_EVERY = 10_000;
const SCRAPE_EVERY = 2_000;
/** Milliseconds that a checkpoint may take. */
const SAVE_TIMEOUT = 5 * 60_000;

export interface WatchOptions {
  request: Request;
  /** Seconds that the attempt may run. */
  seconds: number;
  places: Map<string, Place>;
  returns?: Returns;
  metadata?: Metadata;
  log: Log;
  stop(end: End, reason: string): void;
}

export interface Watching {
  output(): void;
  /** Ends the watch; a checkpoint that is on its way is waited for. */
  end(): Promise<void>;
}

/** What goes on beside an experiment: checkpoints, the scraper, its time, and the client's wish to end it. */
export function watch(options: WatchOptions): Watching {
  const { request, seconds, places, returns, metadata, log, stop } = options;
  const timers: NodeJS.Timeout[] = [];
  let working = Promise.resolve();
  const every = (milliseconds: number, work: () => Promise<unknown>) => {
    const next = () => {
      working = Promise.all([
        working,
        work().catch((error) => log('warn', `checkpoint: ${errorMessage(error)}`)),
      ]).then(() => undefined);
    };
    timers.push(setInterval(next, milliseconds));
  };
  const limit = setTimeout(
    () => stop('expired', `it ran for the ${Math.round(seconds)} s that it was given`),
    Math.min(seconds * 1000, 2 ** 31 - 1),
  );
  let printed = false;
  if (metadata !== undefined)
    every(SCRAPE_EVERY, async () => {
      if (!printed) return;
      printed = false;
      await metadata.scrape();
    });
  const status = places.get(STATUS);
  if (status !== undefined)
    every(STATUS_EVERY, async () => {
      if (await isStopped(status)) stop('stopped', 'the client asked for its end');
    });
  for (const { label, artifact } of returns === undefined ? [] : returned(request)) {
    const seconds = saveEvery(request, artifact.saveFrequency);
    if (seconds !== undefined)
      every(seconds * 1000, () =>
        returns!.send(label, places.get(label)!, AbortSignal.timeout(SAVE_TIMEOUT)),
      );
  }
  const general = saveEvery(request, undefined);
  if (metadata !== undefined && general !== undefined)
    every(general * 1000, () => metadata.save({ signal: AbortSignal.timeout(SAVE_TIMEOUT) }));
  return {
    output: () => {
      printed = true;
    },
    async end() {
      clearTimeout(limit);
      for (const timer of timers) clearInterval(timer);
      await working;
    },
  };
}

/** `status.json` in the artifact `_status`: `{"key": …, "status": "stopped"}`. */
async function isStopped(place: Place): Promise<boolean> {
  const found = await readWhole(place, 1024 * 1024);
  if (found === undefined) return false;
  // In an archive the text stands uncompressed between its heads, which is enough for this.
  return /"status"\s*:\s*"stopped"/.test(found.body.toString('latin1'));
}
