import { dirname, join } from 'node:path';
import { type Catalogue, doesProvide, needOf, openCatalogue } from '../catalogue/catalogue.ts';
import { closure } from '../catalogue/graph.ts';
import type { ParsedDocument } from '../config/document.ts';
import { dropNulls, type Tree } from '../config/merge.ts';
import { dnsLabel } from '../config/schema/common.ts';
import { flavourWords } from '../config/schema/flavour.ts';
import type { Project } from '../config/schema/project.ts';
import { validate } from '../config/validate.ts';
import { configError } from '../errors.ts';
import { resolvePath } from '../util/paths.ts';
import { buildComponent, namespaceOf, releaseOf } from './build.ts';
import { DATA_FOLDER, dataFolderFields, dataMountOf } from './data-mount.ts';
import { resolveExternal } from './external.ts';
import { defaultFlavourFiles, type Flavour, readFlavour } from './flavour.ts';
import { type Layer, layered } from './layers.ts';
import { checkIdleSections, checkSections, collect, inlineComponents } from './parts.ts';
import { resolveSecrets } from './secrets.ts';
import { flagLayer, resolveSection, type SectionSources, templateTarget } from './section.ts';
import { canonical, requireKnown, selectComponents } from './selection.ts';
import { parseSet } from './set.ts';
import { checkInlineTargets, noTargetError, resolveTarget, type TargetFlags } from './target.ts';
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
  const projectDocument = layered(projectLayers);
  const inline = inlineComponents(flavour);
  const catalogue = openCatalogue(componentFolders(flavour, project, projectDocument), inline);
  checkSections(flavour, overrides, catalogue);
  checkInlineTargets(flavour, warn);
  const target = resolveTarget({ flavour, project, projectDocument, overrides, warn }, options);
  const external = resolveExternal(flavour, { project, target: templateTarget(target) });
  const dataMount = dataMountOf({ project, projectLayers }, target, warn);
  if (dataMount !== undefined) external[DATA_FOLDER] ??= dataFolderFields(dataMount);
  const secrets = resolveSecrets(flavour);
  const selection = selectComponents({
    project,
    projectDocument,
    inline: inline.map(({ name }) => name),
    external: Object.keys(external),
    catalogue,
    warn,
  });
  const extra = (options.components ?? []).map((name) => requireKnown(canonical(name, catalogue), catalogue));
  const sourcesOf = (name: string): SectionSources => ({
    flavour,
    project,
    projectDocument,
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
  checkIdleSections(flavour, members, catalogue, (name) =>
    resolveSection(catalogue.get(name), sourcesOf(name)),
  );
  if (extra.length > 0) addMissingProviders(members, external, catalogue, add);
  checkReleases(
    members,
    (name) => namespaceOf(members.get(name)!, project),
    (name) => releaseOf(members.get(name)!),
  );
  const wiring = wire({
    members,
    project,
    projectDocument,
    external,
    catalogue,
    lenient: options.only === true,
  });
  const built = new Map<string, ResolvedComponent>();
  collect(wiring.order, (name) => {
    const needs = bindings(name, wiring.providers.get(name)!, members, built, external, project);
    built.set(
      name,
      buildComponent(members.get(name)!, needs, [...(wiring.graph.get(name) ?? [])], sourcesOf(name)),
    );
  });
  // Last, so that what is wrong in the files is told whether there is a target or not.
  if (target === undefined && options.requireTarget) throw noTargetError(flavour);
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
    external,
    secrets,
    dataMount,
    unavailable: extra.length > 0 ? [] : selection.unavailable,
    warnings,
  };
}

function resolveProject(
  flavour: Flavour,
  overrides: Layer,
  options: ResolveOptions,
): { project: Project & { name: string }; projectLayers: Layer[] } {
  const { namespace } = options;
  const projectLayers: Layer[] = [
    ...[...flavour.layers, overrides].map(({ document }) => ({ document, path: ['project'] })),
    ...(namespace === undefined ? [] : [flagLayer('--namespace', { k8s_namespace: namespace })]),
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

function componentFolders(flavour: Flavour, project: Project, document: ParsedDocument): string[] {
  const beside = flavour.layers.map(({ document }) => join(dirname(document.file), 'components'));
  if (project.components_folder === undefined) return beside;
  const { file } = document.locate(['components_folder']);
  return [...beside, resolvePath(project.components_folder, dirname(file))];
}

function namesOf(name: string, catalogue: Catalogue): string[] {
  return [name, ...[...catalogue.aliases].filter(([, real]) => real === name).map(([alias]) => alias)];
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
      const { capability, optional } = needOf(need);
      const met =
        Object.hasOwn(external, capability) ||
        [...members.values()].some((member) => doesProvide(member.component, capability));
      if (met || optional) continue;
      const could = catalogue.names().filter((name) => doesProvide(catalogue.get(name), capability));
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
      const { capability } = needOf(component.spec.needs[local]!);
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
