import { call, type Say } from './call.ts';
import { missingPackages } from './preconditions.ts';

/** Installs the Debian packages that are not there; asks nobody for anything when all are. */
export async function installPackages(say: Say, signal?: AbortSignal): Promise<void> {
  const missing = missingPackages();
  if (missing.length === 0) return;
  say(`installing ${missing.join(', ')}`);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  // A source that does not answer is no reason to give up when the packages are known already.
  await call('apt-get', ['update', '-qq'], { env, signal }).catch((error: Error) => say(error.message));
  await call('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], { env, signal });
}
