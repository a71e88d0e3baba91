import { version } from './version.ts';

/** Where our own images are: built from `images/NAME/`, one version for all. */
const REPOSITORY = 'ghcr.io/data-mill';

/** The full name of one of our own images. */
export function ownImage(name: string): string {
  return `${REPOSITORY}/${name}:${version}`;
}
