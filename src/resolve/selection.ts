import type { Catalogue } from '../catalogue/catalogue.ts';
import { nearest } from '../config/nearest.ts';
import { configError, type Location } from '../errors.ts';
import type { Flavour } from './flavour.ts';
import type { Resolved, Warning } from './types.ts';

export interface Selection {
  names: string[];
  unavailable: Resolved['unavailable'];
  /** True for `flavour: all`. */
  all: boolean;
}

/** The one name of a component, whatever it was called. */
export function canonical(name: string, catalogue: Catalogue): string {
  return catalogue.has(name) ? name : (catalogue.aliases.get(name) ?? name);
}

/**
 * Reads `project.flavour` (and the inline components, which are always part of it).
 *
 * @throws {DatamillError} UNKNOWN_COMPONENT, EMPTY_FLAVOUR (exit 2).
 */
export function selectComponents(
  flavour: Flavour,
  wanted: string | string[] | undefined,
  inline: readonly string[],
  catalogue: Catalogue,
  warn: (warning: Warning) => void,
): Selection {
  const at = flavour.document.locate(['project', 'flavour']);
  const listed = (Array.isArray(wanted) ? wanted : (wanted ?? '').split(/[\s,]+/))
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (listed.length === 1 && listed[0] === 'all')
    return { names: meetable(catalogue), unavailable: [], all: true };
  const names = new Set<string>();
  const unavailable: Resolved['unavailable'] = [];
  for (const [index, name] of listed.entries()) {
    const place = Array.isArray(wanted) ? flavour.document.locate(['project', 'flavour', index]) : at;
    const real = canonical(name, catalogue);
    const reason = unavailableReason(real, catalogue);
    if (reason !== undefined) {
      unavailable.push({ name: real, reason, at: place });
      warn({ message: `${name} cannot be installed: ${reason}`, at: place });
    } else names.add(requireKnown(real, catalogue, place));
  }
  for (const name of inline) names.add(name);
  if (names.size === 0 && unavailable.length === 0) {
    throw configError('EMPTY_FLAVOUR', 'the flavour names no components', {
      at: wanted === undefined ? { file: flavour.file, line: 1, column: 1 } : at,
      hint: `list them: \`project: { flavour: "${catalogue.names().slice(0, 2).join(', ')}" }\`, or "all"`,
    });
  }
  return { names: [...names], unavailable, all: false };
}

export function requireKnown(name: string, catalogue: Catalogue, at?: Location): string {
  if (catalogue.has(name)) return name;
  const reason = unavailableReason(name, catalogue);
  const hint =
    reason ??
    nearest(name, [...catalogue.names(), ...catalogue.aliases.keys()]) ??
    'see `datamill components`';
  throw configError('UNKNOWN_COMPONENT', `there is no component "${name}"`, { at, hint });
}

export function unavailableReason(name: string, catalogue: Catalogue): string | undefined {
  if (catalogue.has(name)) return undefined;
  if (catalogue.planned.has(name)) return 'it is planned, but not part of this version';
  return catalogue.gone.get(name);
}

/** Every component whose needs can be met; of several providers of one capability, the default one. */
function meetable(catalogue: Catalogue): string[] {
  let names = catalogue.names();
  const rivals = new Set<string>();
  for (const name of names) {
    for (const capability of Object.keys(catalogue.get(name).spec.provides)) {
      const providers = names.filter((other) => capability in catalogue.get(other).spec.provides);
      const chosen = providers.find((other) => catalogue.get(other).spec.default);
      if (providers.length > 1 && chosen !== undefined && name !== chosen) rivals.add(name);
    }
  }
  names = names.filter((name) => !rivals.has(name));
  for (;;) {
    const provided = new Set(names.flatMap((name) => Object.keys(catalogue.get(name).spec.provides)));
    const kept = names.filter((name) =>
      Object.values(catalogue.get(name).spec.needs).every((need) =>
        typeof need === 'string' ? provided.has(need) : need.optional || provided.has(need.capability),
      ),
    );
    if (kept.length === names.length) return names;
    names = kept;
  }
}
