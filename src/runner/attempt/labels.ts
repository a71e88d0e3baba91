import type { Artifact, Request } from '../request.ts';

export interface Labelled {
  label: string;
  artifact: Artifact;
}

/** Artifacts that are no folders of the experiment. */
const SINGULARITY = '_singularity';
export const STATUS = '_status';
export const RESULTS = '_results';
export const METADATA = '_metadata';

const SPECIAL = new Set([SINGULARITY, STATUS, RESULTS]);

/** The artifacts of a request; `_metadata` comes before `output`, as underscores sort before letters. */
export function labelled({ experiment }: Request): Labelled[] {
  return Object.entries(experiment.artifacts ?? {})
    .map(([label, artifact]) => ({ label, artifact }))
    .sort((a, b) => (a.label < b.label ? -1 : 1));
}

/** Those that are folders to fetch. */
export function fetched(request: Request): Labelled[] {
  return labelled(request).filter(({ label }) => !SPECIAL.has(label));
}

/** Those that are sent back as archives. */
export function returned(request: Request): Labelled[] {
  return fetched(request).filter(({ label, artifact }) => artifact.mutable === true && label !== METADATA);
}
