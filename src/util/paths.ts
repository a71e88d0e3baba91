import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the installed package: the nearest one above this file that holds package.json. */
export const packageRoot: string = findPackageRoot(dirname(fileURLToPath(import.meta.url)));

function findPackageRoot(from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder;
    if (dirname(folder) === folder) return from;
  }
}

function xdg(variable: string, ...fallback: string[]): string {
  const value = process.env[variable];
  // The XDG base directory specification says that relative paths are to be ignored.
  return value?.startsWith('/') ? join(value, 'datamill') : join(homedir(), ...fallback, 'datamill');
}

/** Downloads, built tools and charts: may be deleted at any time. */
export function cacheFolder(...parts: string[]): string {
  return join(xdg('XDG_CACHE_HOME', '.cache'), ...parts);
}

/** Kubeconfigs and clusters that we made: private, and not to be lost. */
export function stateFolder(...parts: string[]): string {
  return join(xdg('XDG_STATE_HOME', '.local', 'state'), ...parts);
}

/** Expands a leading `~` and resolves against `base`. */
export function resolvePath(path: string, base: string): string {
  if (path === '~') return homedir();
  if (path.startsWith('~/')) return join(homedir(), path.slice(2));
  return resolve(base, path);
}
