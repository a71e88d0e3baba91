import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { writeAtomically } from '../../util/atomic.ts';
import { type Layout, stageFiles } from './layout.ts';

/** What is known of a complete cluster. */
export interface Marker {
  kubernetes: string;
  port: number;
  /** Digest of the stage files that it was made with. */
  stages: string;
}

export async function readMarker(layout: Layout): Promise<Marker | undefined> {
  try {
    return JSON.parse(await readFile(layout.marker, 'utf8')) as Marker;
  } catch {
    return undefined;
  }
}

export async function writeMarker(layout: Layout, marker: Marker): Promise<void> {
  await writeAtomically(layout.marker, `${JSON.stringify(marker)}\n`, 0o600);
}

export async function stagesDigest(): Promise<string> {
  const hash = createHash('sha256');
  for (const file of await stageFiles()) hash.update(await readFile(file));
  return hash.digest('hex');
}
