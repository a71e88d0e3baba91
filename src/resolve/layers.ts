import type { ParsedDocument, Path } from '../config/document.ts';
import { getAt, merge } from '../config/merge.ts';
import type { Location } from '../errors.ts';

/** Part of a document that takes part in a merge: the value at `path`. */
export interface Layer {
  document: ParsedDocument;
  path: Path;
}

/** One place that says something about a value. */
export interface Statement {
  at: Location;
  value: unknown;
}

/**
 * Merges layers, lowest first, into one document whose `locate` points into the layer that won.
 * A layer that is empty as a whole (`minio:` with nothing behind it) says nothing.
 */
export function layered(layers: readonly Layer[]): ParsedDocument {
  const parts = layers.filter((layer) => partOf(layer) !== undefined && partOf(layer) !== null);
  const data = parts.reduce<unknown>((result, layer) => merge(result, partOf(layer)), undefined) ?? {};
  const top = parts.at(-1) ?? layers.at(-1);
  return {
    file: top?.document.file ?? '',
    data,
    locate(path, part) {
      const winner = findLayer(parts, path) ?? top;
      return winner === undefined ? { file: '' } : winner.document.locate([...winner.path, ...path], part);
    },
  };
}

function partOf(layer: Layer): unknown {
  return getAt(layer.document.data, layer.path);
}

/** The highest layer that says most of the path. */
function findLayer(layers: readonly Layer[], path: Path): Layer | undefined {
  for (let depth = path.length; depth >= 0; depth--) {
    const prefix = path.slice(0, depth);
    for (let index = layers.length - 1; index >= 0; index--) {
      const layer = layers[index]!;
      // A flag has no lines: what nobody says is better missed in a file.
      if (depth === 0 && layers.length > 1 && layer.document.synthetic) continue;
      if (getAt(partOf(layer), prefix) !== undefined) return layer;
    }
  }
  return undefined;
}

/** Every place that says something about a path, the winning one first. */
export function statements(layers: readonly Layer[], path: Path): Statement[] {
  return layers
    .filter((layer) => getAt(partOf(layer), path) !== undefined)
    .map((layer) => ({
      at: layer.document.locate([...layer.path, ...path]),
      value: getAt(partOf(layer), path),
    }))
    .reverse();
}
