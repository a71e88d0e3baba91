import { type Catalogue, needOf } from '../catalogue/catalogue.ts';
import type { ParsedDocument } from '../config/document.ts';
import { nearest } from '../config/nearest.ts';
import type { Project } from '../config/schema/project.ts';
import { configError, type Location } from '../errors.ts';
import type { Resolved, Warning } from './types.ts';

export interface Selection {
  names: string[];
  unavailable: Resolved['unavailable'];
}

export interface SelectionInput {
  project: Project;
  /** The `project:` of all sources together, for places. */
  projectDocument: ParsedDocument;
  /** Names of the components that the flavour defines itself: always part of it. */
  inline: readonly string[];
  /** Capabilities from outside the cluster. */
  external: readonly string[];
  catalogue: Catalogue;
  warn: (warning: Warning) => void;
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
export function selectComponents(input: SelectionInput): Selection {
  const { projectDocument, inline, catalogue, warn } = input;
  const wanted = input.project.flavour;
  const at = projectDocument.locate(['flavour']);
  const listed = (Array.isArray(wanted) ? wanted : (wanted ?? '').split(/[\s,]+/))
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (listed.length === 1 && listed[0] === 'all') return { names: meetable(input), unavailable: [] };
  const names = new Set<string>();
  const unavailable: Resolved['unavailable'] = [];
  for (const [index, name] of listed.entries()) {
    const place = Array.isArray(wanted) ? projectDocument.locate(['flavour', index]) : at;
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
      at: wanted === undefined ? projectDocument.locate([]) : at,
      hint: `list them: \`project: { flavour: "${catalogue.names().slice(0, 2).join(', ')}" }\`, or "all"`,
    });
  }
  return { names: [...names], unavailable };
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

function unavailableReason(name: string, catalogue: Catalogue): string | undefined {
  if (catalogue.has(name)) return undefined;
  if (catalogue.planned.has(name)) return 'it is planned, but not part of this version';
  return catalogue.gone.get(name);
}

/** Every component whose needs can be met; of several providers of one capability, the chosen or the default one. */
function meetable({ catalogue, project, external }: SelectionInput): string[] {
  const rivals = rivalsOf(catalogue, project.providers);
  let names = catalogue.names().filter((name) => !rivals.has(name));
  for (;;) {
    const provided = new Set([
      ...external,
      ...names.flatMap((name) => Object.keys(catalogue.get(name).spec.provides)),
    ]);
    const kept = names.filter((name) =>
      Object.values(catalogue.get(name).spec.needs)
        .map(needOf)
        .every(({ capability, optional }) => optional || provided.has(capability)),
    );
    if (kept.length === names.length) return names;
    names = kept;
  }
}

/** The components that are left out because another one provides the same. */
function rivalsOf(catalogue: Catalogue, choices: Record<string, string>): Set<string> {
  const providers = new Map<string, string[]>();
  for (const name of catalogue.names())
    for (const capability of Object.keys(catalogue.get(name).spec.provides))
      providers.set(capability, [...(providers.get(capability) ?? []), name]);
  const explicit = new Set(Object.values(choices).map((name) => canonical(name, catalogue)));
  const rivals = new Set<string>();
  for (const [capability, names] of providers) {
    const choice = Object.hasOwn(choices, capability)
      ? canonical(choices[capability]!, catalogue)
      : undefined;
    const chosen =
      names.find((name) => name === choice) ?? names.find((name) => catalogue.get(name).spec.default);
    if (chosen === undefined) continue;
    for (const name of names) if (name !== chosen && !explicit.has(name)) rivals.add(name);
  }
  return rivals;
}
