import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll } from 'vitest';
import { DatamillError } from '../../src/errors.ts';
import { type ResolveOptions, resolve } from '../../src/resolve/resolve.ts';
import type { Resolved, ResolvedComponent } from '../../src/resolve/types.ts';

const made: string[] = [];

afterAll(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
});

export type Files = Record<string, string | Uint8Array>;

/** A temporary folder with these files; removed after the test file. */
export function workspace(files: Files = {}): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'datamill-unit-')));
  made.push(folder);
  for (const [name, content] of Object.entries(files)) {
    const file = join(folder, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
  return folder;
}

/** Resolves `flavour.yaml` (or `-f` of the options) of a folder with these files. */
export function resolveFiles(files: Files | string, options: ResolveOptions = {}): Resolved {
  const folder = workspace(typeof files === 'string' ? { 'flavour.yaml': files } : files);
  const flavours = (options.flavours ?? ['flavour.yaml']).map((file) => join(folder, file));
  return resolve({ ...options, flavours });
}

export function component(resolved: Resolved, name: string): ResolvedComponent {
  const found = resolved.components.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no ${name} in ${resolved.components.map((one) => one.name)}`);
  return found;
}

/** The error that a function throws; fails the test when it throws none, or something else. */
export function failure(run: () => unknown): DatamillError {
  try {
    run();
  } catch (error) {
    if (error instanceof DatamillError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** Flavour with components that are made of nothing, so that only their wiring counts. */
export function inline(components: Record<string, string>, rest = ''): string {
  const lines = Object.entries(components).map(([name, words]) => `  ${name}: { ${words} }`);
  return `components:\n${lines.join('\n')}\n${rest}`;
}
