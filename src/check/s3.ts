import { final } from './failure.ts';
import type { Attempt } from './subject.ts';

/** Not there yet. */
export async function checkS3({ component, provides }: Attempt): Promise<string> {
  if (provides.s3 === undefined) throw final(`${component} provides no s3, so there is no store to check`);
  throw final('checks of object stores are not there yet');
}
