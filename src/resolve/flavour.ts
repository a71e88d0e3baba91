import { existsSync } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import type { ParsedDocument } from '../config/document.ts';
import { isTree } from '../config/merge.ts';
import { readDocument } from '../config/read.ts';
import { apiVersion } from '../config/schema/common.ts';
import { validate } from '../config/validate.ts';
import { configError, type Location } from '../errors.ts';
import { packageRoot, resolvePath } from '../util/paths.ts';
import { type Layer, layered } from './layers.ts';

/** A flavour as it was read: every file that takes part, lowest first, and their merge. */
export interface Flavour {
  /** The file that was named last: it gives the flavour its name. */
  file: string;
  name: string;
  layers: Layer[];
  document: ParsedDocument;
}

export const packagedFlavours: string = join(packageRoot, 'flavours');

/** `./flavour.yaml` if there is one, else the packaged default. */
export function defaultFlavourFiles(): string[] {
  return [existsSync('flavour.yaml') ? 'flavour.yaml' : join(packagedFlavours, 'default.yaml')];
}

/** The path as given, or a packaged file of that name (with or without `.yaml`). */
export function findFile(path: string, base: string, packaged: string): string {
  const given = resolvePath(path, base);
  if (existsSync(given) || isAbsolute(path)) return given;
  // The original project called them datalake_flavour.yaml and so on.
  const today = path.replace(/_flavour(\.ya?ml)?$/, '.yaml');
  const candidates = [join(packaged, path), join(packaged, `${path}.yaml`), join(packaged, today)];
  return candidates.find((candidate) => existsSync(candidate)) ?? given;
}

/**
 * Reads flavour files, later over earlier, each on top of what it extends.
 *
 * @throws {DatamillError} what `readDocument` throws, EXTENDS_CYCLE, INVALID_VALUE (exit 2).
 */
export function readFlavour(files: readonly string[]): Flavour {
  const documents: ParsedDocument[] = [];
  for (const file of files) {
    const found = findFile(file, process.cwd(), packagedFlavours);
    const known = documents.findIndex((document) => document.file === found);
    // Named again, it counts at its last place.
    if (known >= 0) documents.push(...documents.splice(known, 1));
    else collect(found, [], documents);
  }
  const layers = documents.map((document): Layer => ({ document, path: [] }));
  const file = documents.at(-1)!.file;
  return { file, name: basename(file).replace(/\.ya?ml$/, ''), layers, document: layered(layers) };
}

function collect(file: string, trail: readonly string[], into: ParsedDocument[], from?: Location): void {
  if (trail.includes(file)) {
    throw configError(
      'EXTENDS_CYCLE',
      `these flavours extend each other in a circle: ${[...trail.slice(trail.indexOf(file)), file].join(' -> ')}`,
      {
        at: from,
        hint: 'take one `extends` out of the circle',
      },
    );
  }
  // What several files extend counts once, below all of them.
  if (into.some((document) => document.file === file)) return;
  const document = readDocument(file, 'flavour', from);
  if (document.data === null || document.data === undefined) {
    throw configError('EMPTY_FLAVOUR', `the flavour ${file} is empty`, {
      at: { file, line: 1, column: 1 },
      hint: 'start with `project: { flavour: "minio, dask" }`',
    });
  }
  if (!isTree(document.data)) {
    throw configError('INVALID_VALUE', 'a flavour is a map of `project:` and sections of components', {
      at: document.locate([]),
      hint: 'see docs/configuration.md',
    });
  }
  validate(apiVersion, document.data.apiVersion, { document, path: ['apiVersion'], label: 'apiVersion' });
  const { extends: bases } = document.data;
  for (const [index, base] of (Array.isArray(bases) ? bases : bases === undefined ? [] : [bases]).entries()) {
    const at = document.locate(Array.isArray(bases) ? ['extends', index] : ['extends']);
    if (typeof base !== 'string')
      throw configError('INVALID_VALUE', 'extends: expected a file name', {
        at,
        hint: 'for example `extends: default.yaml`',
      });
    collect(findFile(base, dirname(file), packagedFlavours), [...trail, file], into, at);
  }
  into.push(document);
}
