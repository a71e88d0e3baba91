import { basename, dirname } from 'node:path';
import { completeFields } from '../catalogue/capabilities.ts';
import type { Component } from '../catalogue/catalogue.ts';
import type { ParsedDocument, Path } from '../config/document.ts';
import { isTree, merge, type Tree } from '../config/merge.ts';
import { firstExisting, readDocument, readDocuments } from '../config/read.ts';
import { Check } from '../config/schema/check.ts';
import { releaseName } from '../config/schema/common.ts';
import type { Chart, Hook, Link } from '../config/schema/component.ts';
import { evaluateTagged, evaluateTree, type TemplateContext } from '../config/template.ts';
import { validate } from '../config/validate.ts';
import { configError } from '../errors.ts';
import { resolvePath } from '../util/paths.ts';
import type { Layer } from './layers.ts';
import { findComponentFile, type Section, type SectionSources, templateTarget } from './section.ts';
import type { Binding, ResolvedComponent } from './types.ts';
import { checkProvided, type Member } from './wiring.ts';

/** Seconds a release may take when nothing else is said: image pulls are slow. */
const DEFAULT_TIMEOUT = 600;

export function releaseOf({ component, section }: Member): string {
  const release = section.words.release ?? component.name;
  return validate(releaseName, release, {
    document: section.document,
    path: ['release'],
    label: `${component.name}.release`,
  });
}

export function namespaceOf({ component, section }: Member, project: { k8s_namespace: string }): string {
  return section.words.namespace ?? component.spec.namespace ?? project.k8s_namespace;
}

/** Evaluates everything that a component says of itself, its providers being known. */
export function buildComponent(
  member: Member,
  needs: Record<string, Binding | null>,
  dependsOn: string[],
  sources: SectionSources,
): ResolvedComponent {
  const { component, section } = member;
  const { spec } = component;
  const release = releaseOf(member);
  const namespace = namespaceOf(member, sources.project);
  const context: TemplateContext = {
    release,
    namespace,
    config: section.config,
    target: templateTarget(sources.target),
    project: sources.project,
    needs: Object.fromEntries(
      Object.entries(needs).map(([local, binding]) => [local, binding?.fields ?? null]),
    ),
  };
  const evaluated = <T>(word: Exclude<keyof typeof spec, 'name'>): T =>
    evaluateTree(spec[word], context, (path) =>
      component.document.locate([...component.path, word, ...path]),
    ) as T;
  const provides = Object.fromEntries(
    Object.entries(evaluated<Record<string, Tree>>('provides')).map(([name, fields]) => [
      name,
      completeFields(name, fields),
    ]),
  );
  checkProvided(component, provides);
  const { values, valueLayers } = buildValues(member, context, sources);
  const hooks = evaluated<{ before: Hook[]; after: Hook[] }>('hooks');
  return {
    name: component.name,
    release,
    namespace,
    spec,
    chart: chartOf(component, section, context),
    config: section.config,
    values,
    needs,
    provides,
    dependsOn,
    secrets: evaluated('secrets'),
    copies: copiesOf(needs, namespace),
    buckets: evaluated('buckets'),
    // Where a template gave null, the field is not there: the API server takes no null.
    objects: objectsOf(member, context, sources, withoutNulls(evaluated('objects')) as Tree[]),
    namespaces: evaluated('namespaces'),
    hooks: {
      before: [...hooks.before, ...((section.words.hooks?.before as Hook[]) ?? [])],
      after: [...hooks.after, ...((section.words.hooks?.after as Hook[]) ?? [])],
    },
    checks: checksOf(component, evaluated('checks')),
    links: evaluated<Record<string, Link>>('links'),
    images: evaluated('images'),
    storageClass: (section.config.storage_class as string | null) ?? null,
    timeout: section.words.setup_timeout || DEFAULT_TIMEOUT,
    layers: section.layers,
    valueLayers,
  };
}

function chartOf(component: Component, section: Section, context: TemplateContext): Chart | undefined {
  const { chart } = component.spec;
  if (chart === undefined) return undefined;
  const said = evaluateTree(chart, context, (path) =>
    component.document.locate([...component.path, 'chart', ...path]),
  ) as Chart;
  const version = section.words.version ?? said.version;
  const { file } = component.document.locate([...component.path, 'chart', 'path']);
  const path =
    said.path === undefined || said.git !== undefined ? said.path : resolvePath(said.path, dirname(file));
  if (path !== undefined && said.git === undefined && firstExisting([path]) === undefined) {
    throw configError('CHART_MISSING', `the chart of ${component.name} is not at ${path}`, {
      at: component.document.locate([...component.path, 'chart', 'path']),
      hint: 'a relative path is relative to the file that holds it',
    });
  }
  return { ...said, path, version };
}

/** Templates may have given what is no port, or an empty name. */
function checksOf({ name, document, path }: Component, checks: unknown[]): Check[] {
  return checks.map((check, index) =>
    validate(Check, check, {
      document,
      path: [...path, 'checks', index],
      label: `${name}.checks.${index}`,
    }),
  );
}

function copiesOf(
  needs: Record<string, Binding | null>,
  namespace: string,
): Array<{ name: string; from: string }> {
  const copies = new Map<string, { name: string; from: string }>();
  for (const binding of Object.values(needs)) {
    const secret = binding?.fields.secret;
    if (
      binding === null ||
      binding === undefined ||
      !isTree(secret) ||
      typeof secret.name !== 'string' ||
      binding.namespace === namespace
    )
      continue;
    copies.set(secret.name, { name: secret.name, from: binding.namespace });
  }
  return [...copies.values()];
}

function objectsOf(member: Member, context: TemplateContext, sources: SectionSources, own: Tree[]): Tree[] {
  const { component, section } = member;
  const name = section.words.deployment_file;
  if (name === undefined) return own;
  const file = findComponentFile(name, 'deployment_file', component, section, sources);
  return readDocuments(file, 'deployment').flatMap((document) => {
    const locate = (path: Path) => document.locate(Array.isArray(document.data) ? path : path.slice(1));
    const list = Array.isArray(document.data) ? document.data : [document.data];
    const objects = file.endsWith('.hbs.yaml')
      ? evaluateTree(list, context, locate)
      : evaluateTagged(list, context);
    return (objects as unknown[]).map((object, index) => {
      if (isTree(object) && typeof object.kind === 'string' && typeof object.apiVersion === 'string')
        return object;
      throw configError('INVALID_VALUE', `${basename(file)} holds something that is no Kubernetes object`, {
        at: locate([index]),
        hint: 'every object has at least apiVersion, kind and metadata',
      });
    });
  });
}

/** Without the fields that are null, in lists too. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isTree(value)) return value;
  const said = Object.entries(value).filter(([, child]) => child !== null);
  return Object.fromEntries(said.map(([key, child]) => [key, withoutNulls(child)]));
}

/** Helm values, lowest first: the component's template, its inline values, `config_file`, the section's `values`. */
function buildValues(
  member: Member,
  context: TemplateContext,
  sources: SectionSources,
): { values: Tree; valueLayers: Layer[] } {
  const { component, section } = member;
  const layers: Layer[] = [];
  const template = component.hasFolder ? firstExisting([`${component.folder}/values.hbs.yaml`]) : undefined;
  if (template !== undefined) layers.push(valuesLayer(readDocument(template, 'values'), [], context));
  if (component.spec.values !== undefined)
    layers.push(valuesLayer(component.document, [...component.path, 'values'], context));
  const file = section.words.config_file;
  if (file !== undefined)
    layers.push(
      valuesLayer(
        readDocument(findComponentFile(file, 'config_file', component, section, sources), 'values'),
        [],
        context,
      ),
    );
  for (const layer of section.layers)
    layers.push(valuesLayer(layer.document, [...layer.path, 'values'], context));
  const values = layers.reduce<unknown>((result, layer) => {
    const said = (layer.document.data as Tree).values;
    if (said === undefined || isTree(said)) return merge(result, said);
    throw configError('INVALID_VALUE', `the Helm values of ${component.name} are not a map`, {
      at: layer.document.locate(['values']),
      hint: 'write them as `key: value`',
    });
  }, {}) as Tree;
  return { values, valueLayers: layers };
}

/** The evaluated values that stand at a path of a document, under the key `values`. */
function valuesLayer(document: ParsedDocument, path: Path, context: TemplateContext): Layer {
  let value: unknown = document.data;
  for (const key of path) value = isTree(value) ? value[key as string] : undefined;
  const whole = document.file.endsWith('.hbs.yaml');
  const evaluated = whole
    ? evaluateTree(value, context, (rest) => document.locate([...path, ...rest]))
    : evaluateTagged(value, context);
  const data = evaluated === null || evaluated === undefined ? {} : { values: evaluated };
  return {
    document: {
      file: document.file,
      data,
      locate: (rest, part) => document.locate([...path, ...rest.slice(1)], part),
    },
    path: [],
  };
}
