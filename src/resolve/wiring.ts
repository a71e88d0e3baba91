import { missingFields } from '../catalogue/capabilities.ts';
import { type Catalogue, type Component, doesProvide, needOf } from '../catalogue/catalogue.ts';
import { type Graph, topologicalOrder } from '../catalogue/graph.ts';
import type { ParsedDocument } from '../config/document.ts';
import type { Tree } from '../config/merge.ts';
import { nearest } from '../config/nearest.ts';
import type { Project } from '../config/schema/project.ts';
import { configError } from '../errors.ts';
import type { Section } from './section.ts';
import { canonical } from './selection.ts';

/** Name of the provider of what comes from outside the cluster. */
export const EXTERNAL = 'external';

/** A selected component with its settings. */
export interface Member {
  component: Component;
  section: Section;
}

export interface Wiring {
  /** Component -> need -> provider (undefined: an optional need that nothing meets). */
  providers: Map<string, Map<string, string | undefined>>;
  graph: Graph;
  order: string[];
}

export interface WiringInput {
  members: ReadonlyMap<string, Member>;
  project: Project;
  external: Record<string, Tree>;
  projectDocument: ParsedDocument;
  catalogue: Catalogue;
  /** `--only`: needs that nothing meets are left open. */
  lenient: boolean;
}

/** Chooses a provider for every need and orders the components. */
export function wire(input: WiringInput): Wiring {
  const providers = new Map<string, Map<string, string | undefined>>();
  const graph = new Map<string, Set<string>>();
  const byCapability = providersByCapability(input);
  for (const [name, { component, section }] of input.members) {
    checkNeedNames(component, section);
    const chosen = new Map<string, string | undefined>();
    const edges = new Set(component.spec.after.filter((other) => input.members.has(other)));
    for (const [local, need] of Object.entries(component.spec.needs)) {
      const { capability, optional } = needOf(need);
      const provider = choose(
        { name, local, capability, optional },
        byCapability.get(capability) ?? [],
        input,
      );
      chosen.set(local, provider);
      if (provider !== undefined && provider !== EXTERNAL) edges.add(provider);
    }
    providers.set(name, chosen);
    graph.set(name, edges);
  }
  const locate = (name: string) => placeOf(input.members.get(name)!.component);
  return { providers, graph, order: topologicalOrder(graph, locate) };
}

function placeOf(component: Component) {
  return component.document.locate([...component.path, 'needs']);
}

function providersByCapability({ members, external }: WiringInput): Map<string, string[]> {
  const result = new Map<string, string[]>();
  const add = (capability: string, provider: string) =>
    result.set(capability, [...(result.get(capability) ?? []), provider]);
  for (const [name, { component }] of members)
    for (const capability of Object.keys(component.spec.provides)) add(capability, name);
  for (const capability of Object.keys(external)) add(capability, EXTERNAL);
  return result;
}

function checkNeedNames(component: Component, section: Section): void {
  const known = Object.keys(component.spec.needs);
  for (const local of Object.keys(section.words.needs ?? {})) {
    if (known.includes(local)) continue;
    throw configError('UNKNOWN_NEED', `${component.name} has no need "${local}"`, {
      at: section.document.locate(['needs', local], 'key'),
      hint:
        nearest(local, known) ??
        (known.length > 0 ? `its needs are ${known.join(', ')}` : 'it needs nothing'),
    });
  }
}

interface NeedOf {
  name: string;
  local: string;
  capability: string;
  optional: boolean;
}

/** The component that a map of choices names, by its one name. */
function named(choices: Record<string, string>, key: string, catalogue: Catalogue): string | undefined {
  const choice = Object.hasOwn(choices, key) ? choices[key] : undefined;
  return choice === undefined ? undefined : canonical(choice, catalogue);
}

function choose(need: NeedOf, candidates: readonly string[], input: WiringInput): string | undefined {
  const { component, section } = input.members.get(need.name)!;
  const own = named(section.words.needs ?? {}, need.local, input.catalogue);
  const general = named(input.project.providers, need.capability, input.catalogue);
  const wanted = own ?? (general !== need.name ? general : undefined);
  if (wanted !== undefined) {
    if (candidates.includes(wanted)) return wanted;
    if (input.lenient) return undefined;
    const at =
      own === undefined
        ? input.projectDocument.locate(['providers', need.capability])
        : section.document.locate(['needs', need.local]);
    throw configError(
      'UNKNOWN_PROVIDER',
      `${need.name} is to take ${need.capability} from "${wanted}", which is not in this flavour or does not provide it`,
      {
        at,
        hint:
          candidates.length > 0
            ? `it is provided by ${candidates.join(', ')}`
            : `add ${wanted} to project.flavour`,
      },
    );
  }
  if (candidates.length === 1) return candidates[0];
  const at = component.document.locate([...component.path, 'needs', need.local]);
  if (candidates.length > 1) {
    const preferred = candidates.filter((name) => input.members.get(name)?.component.spec.default);
    if (need.optional && preferred.length === 1) return preferred[0];
    throw configError(
      'AMBIGUOUS_PROVIDER',
      `${need.name} needs ${need.capability}, and ${candidates.join(' and ')} both provide it`,
      {
        at: input.projectDocument.locate(['flavour']),
        hint: `choose one: \`project: { providers: { ${need.capability}: ${candidates[0]} } }\``,
      },
    );
  }
  if (need.optional || input.lenient) return undefined;
  const could = input.catalogue
    .names()
    .filter((name) => doesProvide(input.catalogue.get(name), need.capability));
  const planned =
    could.length > 0
      ? `add one of ${could.join(', ')} to project.flavour`
      : 'no component of the catalogue provides it';
  throw configError(
    'UNMET_NEED',
    `${need.name} needs ${need.capability} ("${need.local}"), which nothing in this flavour provides`,
    {
      at,
      hint: `${planned}, or declare it under \`external: { ${need.capability}: … }\``,
    },
  );
}

/** Two components cannot be the same Helm release. */
export function checkReleases(
  members: ReadonlyMap<string, Member>,
  namespaceOf: (name: string) => string,
  releaseOf: (name: string) => string,
): void {
  const taken = new Map<string, string>();
  for (const [name, { section }] of members) {
    const key = `${namespaceOf(name)}/${releaseOf(name)}`;
    const other = taken.get(key);
    if (other !== undefined) {
      throw configError(
        'DUPLICATE_RELEASE',
        `${other} and ${name} are both the release "${releaseOf(name)}" in namespace ${namespaceOf(name)}`,
        {
          at: section.document.locate(['release']),
          hint: `give one of them another name: \`${name}: { release: ${name}-2 }\``,
        },
      );
    }
    taken.set(key, name);
  }
}

/** A provider must give what its capability promises. */
export function checkProvided(component: Component, provides: Record<string, Tree>): void {
  for (const [capability, fields] of Object.entries(provides)) {
    const missing = missingFields(capability, fields);
    if (missing.length === 0) continue;
    throw configError(
      'INCOMPLETE_CAPABILITY',
      `${component.name} provides ${capability} without ${missing.join(', ')}`,
      {
        at: component.document.locate([...component.path, 'provides', capability], 'key'),
        hint: 'every provider of a capability gives the same fields; see docs/components.md',
      },
    );
  }
}
