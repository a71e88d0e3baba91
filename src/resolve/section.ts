import { basename, dirname, join } from 'node:path';
import * as z from 'zod';
import { type Component, needOf } from '../catalogue/catalogue.ts';
import { type ParsedDocument, syntheticDocument } from '../config/document.ts';
import { dropNulls, getAt, isTree, type Tree } from '../config/merge.ts';
import { firstExisting, readDocument } from '../config/read.ts';
import { sectionWords } from '../config/schema/component.ts';
import type { Project } from '../config/schema/project.ts';
import { evaluateTagged, type TemplateContext } from '../config/template.ts';
import { validate } from '../config/validate.ts';
import { configError } from '../errors.ts';
import { resolvePath } from '../util/paths.ts';
import type { Flavour } from './flavour.ts';
import { type Layer, layered } from './layers.ts';
import type { ResolvedTarget } from './target.ts';

/** What all sources together say of one component: the common words and its own settings. */
export interface Section {
  words: z.infer<z.ZodObject<typeof sectionWords>>;
  config: Tree;
  document: ParsedDocument;
  layers: Layer[];
}

export interface SectionSources {
  flavour: Flavour;
  project: Project;
  /** The `project:` of all sources together, for places. */
  projectDocument: ParsedDocument;
  target?: ResolvedTarget;
  /** The `--set` flags. */
  overrides: Layer;
  /** Every name under which the component may have a section. */
  names: readonly string[];
}

const SETTING_WORDS = new Set(Object.keys(sectionWords));

const settingSchemas = new Map<string, z.ZodType>();

/** The schema of a setting; settings of the same form, however described, share one. */
function settingSchema({ description: _, default: __, ...words }: Tree): z.ZodType {
  const key = JSON.stringify(words);
  const known = settingSchemas.get(key) ?? z.fromJSONSchema(words as never).optional();
  settingSchemas.set(key, known);
  return known;
}

/** Settings as a zod schema, made of the JSON Schema words of component.yaml. */
function settingsSchema(component: Component): Record<string, z.ZodType> {
  const { config } = component.spec;
  try {
    return Object.fromEntries(Object.entries(config).map(([name, words]) => [name, settingSchema(words)]));
  } catch (cause) {
    throw configError('COMPONENT_CONFIG', `the settings of ${component.name} are not valid JSON Schema`, {
      at: component.document.locate([...component.path, 'config']),
      hint: 'each setting is a map such as {type: string, default: 10Gi, description: …}',
      cause,
    });
  }
}

/**
 * Merges the sources of a component's settings, lowest first: defaults, settings file, target,
 * flavour, `--set`; validates the result.
 */
export function resolveSection(component: Component, sources: SectionSources): Section {
  const layers = sectionLayers(component, sources);
  const merged = layered(layers);
  const context: TemplateContext = { project: sources.project, target: templateTarget(sources.target) };
  // Helm values see the release and the needs too, so their templates wait for build.ts.
  const { values, ...rest } = merged.data as Tree;
  const evaluated = evaluateTagged(rest, context) as Tree;
  const data = normalise(values === undefined ? evaluated : { ...evaluated, values }, component);
  const schema = z.strictObject({ ...sectionWords, ...settingsSchema(component) });
  const document = { ...merged, data };
  const valid = validate(schema, data, { document, path: [], label: component.name }) as Tree;
  const words = Object.fromEntries(Object.entries(valid).filter(([key]) => SETTING_WORDS.has(key)));
  const settings = Object.fromEntries(
    Object.keys(component.spec.config).map((key) => [key, valid[key] ?? null]),
  );
  return { words, config: { ...settings, storage_class: words.storage_class ?? null }, document, layers };
}

function sectionLayers(
  component: Component,
  { flavour, target, overrides, project, names }: SectionSources,
): Layer[] {
  const layers: Layer[] = [{ document: defaults(component), path: [] }];
  const file = settingsFile(component, flavour, project);
  if (file !== undefined) layers.push(file);
  if (target !== undefined) {
    if (target.storageClass !== null) layers.push({ document: storageClassLayer(target), path: [] });
    for (const { document, path } of target.layers)
      for (const name of names) layers.push({ document, path: [...path, 'components', name] });
  }
  const sections = [...flavour.layers, overrides];
  for (const { document, path } of sections) {
    for (const name of names) layers.push({ document, path: [...path, name] });
  }
  return layers.map(withNamespace);
}

/** `k8s_namespace` is the original's word for `namespace`; one layer of either beats those below it. */
function withNamespace(layer: Layer): Layer {
  const said = getAt(layer.document.data, layer.path);
  if (!isTree(said) || said.k8s_namespace === undefined) return layer;
  const { k8s_namespace, ...rest } = said;
  const old = rest.namespace === undefined;
  return {
    document: {
      file: layer.document.file,
      data: { namespace: k8s_namespace, ...rest },
      locate: ([first, ...more], part) => {
        const key = first === 'namespace' && old ? 'k8s_namespace' : first;
        return layer.document.locate([...layer.path, ...(key === undefined ? [] : [key]), ...more], part);
      },
    },
    path: [],
  };
}

function defaults(component: Component): ParsedDocument {
  const { config } = component.spec;
  const data = Object.fromEntries(
    Object.entries(config)
      .filter(([, words]) => words.default !== undefined)
      .map(([name, words]) => [name, words.default]),
  );
  return {
    file: component.document.file,
    data,
    locate: ([name, ...rest]) =>
      component.document.locate([
        ...component.path,
        'config',
        ...(name === undefined ? [] : [name, 'default']),
        ...rest,
      ]),
  };
}

function storageClassLayer(target: ResolvedTarget): ParsedDocument {
  const document = layered(target.layers);
  return {
    file: document.file,
    data: { storage_class: target.storageClass },
    locate: (path, part) => document.locate(path, part),
  };
}

function settingsFile(component: Component, flavour: Flavour, project: Project): Layer | undefined {
  if (!component.hasFolder) return undefined;
  const own = basename(flavour.file);
  const candidates = [...(own === 'component.yaml' ? [] : [own]), project.component_default_config].map(
    (name) => join(component.folder, name),
  );
  const file = firstExisting(candidates);
  if (file === undefined) return undefined;
  const document = readDocument(file, 'settings');
  if (document.data === null) return undefined;
  const keys = isTree(document.data) ? Object.keys(document.data) : [];
  const stray = keys.find((key) => key !== component.name && key !== 'apiVersion');
  if (!isTree(document.data) || stray !== undefined) {
    throw configError(
      'UNKNOWN_KEY',
      `a settings file of ${component.name} holds one section, \`${component.name}:\``,
      {
        at: stray === undefined ? document.locate([]) : document.locate([stray], 'key'),
        hint: stray === undefined ? undefined : `move "${stray}" under \`${component.name}:\``,
      },
    );
  }
  return { document, path: [component.name] };
}

/** Null takes a word back; old words become today's: the object stores of `datalake:` and `artifact_store:`. */
function normalise(data: Tree, component: Component): Tree {
  const result: Tree = { ...data };
  for (const key of [
    'storage_class',
    'version',
    'release',
    'namespace',
    'config_file',
    'deployment_file',
    'setup_timeout',
  ]) {
    if (result[key] === null) delete result[key];
  }
  for (const key of Object.keys(component.spec.config))
    if (result[key] === null) result[key] = component.spec.config[key]?.default;
  for (const key of ['datalake', 'artifact_store']) {
    const store = result[key];
    if (!isTree(store)) continue;
    if (component.spec.config[key] === undefined) delete result[key];
    const need = Object.entries(component.spec.needs).find(
      ([, need]) => needOf(need).capability === 's3',
    )?.[0];
    if (need !== undefined && typeof store.type === 'string' && store.type !== 's3')
      result.needs = { [need]: store.type, ...((result.needs as Tree) ?? {}) };
    if (
      typeof store.bucket === 'string' &&
      component.spec.config.bucket !== undefined &&
      getAt(data, ['bucket']) === component.spec.config.bucket.default
    ) {
      result.bucket = store.bucket;
    }
  }
  if (isTree(result.needs)) result.needs = dropNulls(result.needs);
  return result;
}

/** What templates see of the target. */
export function templateTarget(target: ResolvedTarget | undefined): Tree {
  return {
    driver: target?.driver ?? '',
    simulated: target?.driver === 'rehearsal',
    storage_class: target?.storageClass ?? null,
    gpu_support: target?.gpuSupport ?? false,
    nodes: target?.nodes ?? 1,
  };
}

/** The layer of an inline text such as a flag, under the path at which it stands. */
export function flagLayer(flag: string, data: Tree): Layer {
  return { document: syntheticDocument(flag, data), path: [] };
}

/**
 * Finds a values or deployment file: in `config_folder` if that is set, else beside the flavour
 * files (the last one first), then in the component's folder.
 *
 * @throws {DatamillError} VALUES_FILE_MISSING (exit 2), with the places that were looked at.
 */
export function findComponentFile(
  name: string,
  key: 'config_file' | 'deployment_file',
  component: Component,
  section: Section,
  sources: SectionSources,
): string {
  const { project, flavour } = sources;
  const at = section.document.locate([key]);
  const folders =
    project.config_folder === undefined
      ? flavour.layers.map((layer) => dirname(layer.document.file)).reverse()
      : [resolvePath(project.config_folder, dirname(sources.projectDocument.locate(['config_folder']).file))];
  const candidates = [
    ...new Set([
      ...folders.map((folder) => resolvePath(name, folder)),
      ...(component.hasFolder ? [join(component.folder, name)] : []),
    ]),
  ];
  const found = firstExisting(candidates);
  if (found !== undefined) return found;
  throw configError('VALUES_FILE_MISSING', `${component.name}.${key}: there is no file "${name}"`, {
    at,
    hint: `it was looked for at ${candidates.join(', ')}`,
  });
}
