import { dirname, join } from 'node:path';
import { z } from 'zod';
import { completeFields } from '../catalogue/capabilities.ts';
import { type Catalogue, type InlineDefinition, openCatalogue } from '../catalogue/catalogue.ts';
import { closure } from '../catalogue/graph.ts';
import { dropNulls, isTree, type Tree } from '../config/merge.ts';
import { dnsLabel } from '../config/schema/common.ts';
import { flavourWords } from '../config/schema/flavour.ts';
import type { Project } from '../config/schema/project.ts';
import { bundle, unknownKey, validate } from '../config/validate.ts';
import { configError, DatamillError } from '../errors.ts';
import { resolvePath } from '../util/paths.ts';
import { buildComponent, namespaceOf, releaseOf } from './build.ts';
import { defaultFlavourFiles, type Flavour, readFlavour } from './flavour.ts';
import { type Layer, layered } from './layers.ts';
import { flagLayer, resolveSection, type SectionSources } from './section.ts';
import { canonical, requireKnown, selectComponents } from './selection.ts';
import { parseSet } from './set.ts';
import { noTargetError, resolveTarget, type TargetFlags } from './target.ts';
import type { Binding, Resolved, ResolvedComponent, Warning } from './types.ts';
import { checkReleases, EXTERNAL, type Member, wire } from './wiring.ts';

export interface ResolveOptions extends TargetFlags {
  /** Flavour files, later over earlier; default `./flavour.yaml`, else the packaged one. */
  flavours?: readonly string[];
  namespace?: string;
  set?: readonly string[];
  /** -c: act on these (which the flavour need not list). */
  components?: readonly string[];
  /** Without what the components of -c need. */
  only?: boolean;
  /** Refuse when nothing says where. */
  requireTarget?: boolean;
}

/**
 * Resolves a flavour: reads every file, merges, validates, chooses providers, orders the
 * components and evaluates their templates. Reads files and touches nothing.
 *
 * @throws {DatamillError} with exit code 2 and the place of the mistake.
 */
export function resolve(options: ResolveOptions = {}): Resolved {
  const warnings: Warning[] = [];
  const warn = (warning: Warning) => warnings.push(warning);
  const flavour = readFlavour(options.flavours?.length ? options.flavours : defaultFlavourFiles());
  const overrides = flagLayer('--set', parseSet(options.set ?? []));
  const { project, projectLayers } = resolveProject(flavour, overrides, options);
  const inline = inlineComponents(flavour);
  const catalogue = openCatalogue(componentFolders(flavour, project), inline);
  checkSections(flavour, overrides, catalogue);
  const target = resolveTarget(flavour, options, overrides, warn);
  if (target === undefined && options.requireTarget) throw noTargetError(flavour);
  const selection = selectComponents(
    flavour,
    project.flavour,
    inline.map(({ name }) => name),
    catalogue,
    warn,
  );
  const extra = (options.components ?? []).map((name) => requireKnown(canonical(name, catalogue), catalogue));
  const sourcesOf = (name: string): SectionSources => ({
    flavour,
    project,
    target,
    overrides,
    names: namesOf(name, catalogue),
  });
  const members = new Map<string, Member>();
  const add = (name: string) => {
    const component = catalogue.get(name);
    members.set(name, { component, section: resolveSection(component, sourcesOf(name)) });
  };
  collect([...new Set([...selection.names, ...extra])], add);
  const external = resolveExternal(flavour);
  if (extra.length > 0 && !options.only) addMissingProviders(members, external, catalogue, add);
  checkReleases(
    members,
    (name) => namespaceOf(members.get(name)!, project),
    (name) => releaseOf(members.get(name)!),
  );
  const wiring = wire({ members, project, external, flavour, catalogue, lenient: options.only === true });
  const built = new Map<string, ResolvedComponent>();
  collect(wiring.order, (name) => {
    const needs = bindings(name, wiring.providers.get(name)!, members, built, external, project);
    built.set(
      name,
      buildComponent(members.get(name)!, needs, [...(wiring.graph.get(name) ?? [])], sourcesOf(name)),
    );
  });
  const wanted =
    extra.length === 0 ? undefined : options.only ? new Set(extra) : closure(wiring.graph, extra);
  const components = [...built.values()].filter(({ name }) => wanted === undefined || wanted.has(name));
  return {
    file: flavour.file,
    flavour: flavour.name,
    project,
    projectLayers,
    target,
    components,
    unavailable: extra.length > 0 ? [] : selection.unavailable,
    warnings,
  };
}

/** Runs a step for every name and reports the mistakes of all of them together. */
function collect(names: readonly string[], step: (name: string) => void): void {
  const problems: DatamillError[] = [];
  for (const name of names) {
    try {
      step(name);
    } catch (error) {
      if (!(error instanceof DatamillError)) throw error;
      problems.push(error, ...error.others);
    }
  }
  if (problems.length > 0) throw bundle(problems);
}

function resolveProject(
  flavour: Flavour,
  overrides: Layer,
  options: ResolveOptions,
): { project: Project & { name: string }; projectLayers: Layer[] } {
  const flags = options.namespace === undefined ? {} : { k8s_namespace: options.namespace };
  const projectLayers: Layer[] = [
    ...[...flavour.layers, overrides].map(({ document }) => ({ document, path: ['project'] })),
    flagLayer('--namespace', flags),
  ];
  const document = layered(projectLayers);
  const data = dropNulls(document.data);
  const project = validate(flavourWords.project, data, { document, path: [], label: 'project' });
  const name = project.name ?? identityOf(flavour);
  return { project: { ...project, name }, projectLayers };
}

/** The file's base name as a DNS label. */
function identityOf(flavour: Flavour): string {
  const label = flavour.name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 63)
    .replace(/-+$/, '');
  if (dnsLabel.safeParse(label).success) return label;
  throw configError('PROJECT_NAME', `no project name can be made of the file name "${flavour.name}"`, {
    at: { file: flavour.file },
    hint: 'set `project: { name: … }`',
  });
}

function inlineComponents(flavour: Flavour): InlineDefinition[] {
  const all = (flavour.document.data as Tree).components;
  if (all === undefined || all === null) return [];
  validate(flavourWords.components, dropNulls(all), {
    document: flavour.document,
    path: ['components'],
    label: 'components',
  });
  return Object.entries(all as Tree)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => {
      validate(dnsLabel, name, {
        document: { ...flavour.document, locate: () => flavour.document.locate(['components', name], 'key') },
        path: [],
        label: `components.${name}`,
      });
      // Relative paths of an inline component are relative to the file that defines it.
      const { file } = flavour.document.locate(['components', name]);
      return { name, value, document: { ...flavour.document, file }, path: ['components', name] };
    });
}

function componentFolders(flavour: Flavour, project: Project): string[] {
  const beside = flavour.layers.map(({ document }) => join(dirname(document.file), 'components'));
  if (project.components_folder === undefined) return beside;
  const { file } = flavour.document.locate(['project', 'components_folder']);
  return [...beside, resolvePath(project.components_folder, dirname(file))];
}

/** Every key at the top of a flavour is one of its words or the name of a component. */
function checkSections(flavour: Flavour, overrides: Layer, catalogue: Catalogue): void {
  const known = new Set([
    ...Object.keys(flavourWords),
    ...catalogue.names(),
    ...catalogue.aliases.keys(),
    ...catalogue.planned,
    ...catalogue.gone.keys(),
  ]);
  const problems = [...flavour.layers, overrides].flatMap(({ document }) =>
    Object.entries(document.data as Tree).flatMap(([key, value]) => {
      const origin = { document, path: [], label: '' };
      if (key === 'target' && document === overrides.document) return [];
      if (!known.has(key)) return [unknownKey(key, [...known], origin)];
      const isSection = !(key in flavourWords);
      if (!isSection || value === null || isTree(value)) return [];
      return [
        configError('INVALID_VALUE', `${key}: expected a map of settings`, {
          at: document.locate([key]),
          hint: `for example \`${key}: { release: ${key} }\``,
        }),
      ];
    }),
  );
  if (problems.length > 0) throw bundle(problems);
}

function namesOf(name: string, catalogue: Catalogue): string[] {
  return [name, ...[...catalogue.aliases].filter(([, real]) => real === name).map(([alias]) => alias)];
}

function resolveExternal(flavour: Flavour): Record<string, Tree> {
  const schema = z.record(z.string(), z.record(z.string(), z.unknown()));
  const data = dropNulls((flavour.document.data as Tree).external ?? {});
  const external = validate(schema, data, {
    document: flavour.document,
    path: ['external'],
    label: 'external',
  });
  return Object.fromEntries(
    Object.entries(external).map(([capability, fields]) => [
      capability,
      completeFields(capability, withAddress(fields)),
    ]),
  );
}

/** An endpoint URL says host and port too. */
function withAddress(fields: Tree): Tree {
  if (typeof fields.endpoint !== 'string' || !URL.canParse(fields.endpoint)) return fields;
  const url = new URL(fields.endpoint);
  const secure = url.protocol === 'https:';
  return { host: url.hostname, port: Number(url.port || (secure ? 443 : 80)), secure, ...fields };
}

/** -c of a component that the flavour does not list brings the default providers of what it needs. */
function addMissingProviders(
  members: Map<string, Member>,
  external: Record<string, Tree>,
  catalogue: Catalogue,
  add: (name: string) => void,
): void {
  for (const { component } of members.values()) {
    for (const need of Object.values(component.spec.needs)) {
      const { capability, optional } =
        typeof need === 'string' ? { capability: need, optional: false } : need;
      const met =
        capability in external ||
        [...members.values()].some((member) => capability in member.component.spec.provides);
      if (met || optional) continue;
      const could = catalogue.names().filter((name) => capability in catalogue.get(name).spec.provides);
      const provider =
        could.find((name) => catalogue.get(name).spec.default) ?? (could.length === 1 ? could[0] : undefined);
      // A map may grow while it is iterated: what is added here is visited too.
      if (provider !== undefined) add(provider);
    }
  }
}

function bindings(
  name: string,
  chosen: ReadonlyMap<string, string | undefined>,
  members: ReadonlyMap<string, Member>,
  built: ReadonlyMap<string, ResolvedComponent>,
  external: Record<string, Tree>,
  project: Project,
): Record<string, Binding | null> {
  const { component } = members.get(name)!;
  return Object.fromEntries(
    [...chosen].map(([local, provider]) => {
      const need = component.spec.needs[local]!;
      const capability = typeof need === 'string' ? need : need.capability;
      if (provider === undefined) return [local, null];
      if (provider === EXTERNAL)
        return [
          local,
          { capability, provider, namespace: project.k8s_namespace, fields: external[capability]! },
        ];
      const from = built.get(provider)!;
      return [local, { capability, provider, namespace: from.namespace, fields: from.provides[capability]! }];
    }),
  );
}
