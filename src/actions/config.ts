import { basename, dirname } from 'node:path';
import { openCatalogue } from '../catalogue/catalogue.ts';
import { getAt, isTree, type Tree } from '../config/merge.ts';
import { nearest } from '../config/nearest.ts';
import { readDocument } from '../config/read.ts';
import { ComponentFile } from '../config/schema/component.ts';
import { TargetFile } from '../config/schema/target.ts';
import { validate as validateWith } from '../config/validate.ts';
import { configError } from '../errors.ts';
import { type Statement, statements } from '../resolve/layers.ts';
import { type ResolveOptions, resolve } from '../resolve/resolve.ts';
import { splitPath } from '../resolve/set.ts';
import type { Resolved, Warning } from '../resolve/types.ts';

/** The configuration after all merging. */
export function config(options: ResolveOptions): { resolved: Resolved; document: Tree } {
  const resolved = resolve(options);
  const { target, project } = resolved;
  const components = Object.fromEntries(
    resolved.components.map(({ name, release, namespace, config: settings, values, needs, dependsOn }) => [
      name,
      {
        release,
        namespace,
        config: settings,
        values,
        needs: Object.fromEntries(
          Object.entries(needs).map(([local, need]) => [local, need === null ? null : need.provider]),
        ),
        depends_on: dependsOn,
      },
    ]),
  );
  const where = target === undefined ? {} : { driver: target.driver, ...target.settings };
  return { resolved, document: { project, target: where, components } };
}

/**
 * Every place that says something about a value, the winning one first.
 *
 * @param path such as `minio.storage_class`, `minio.values.image.tag`, `project.k8s_namespace` or `target.cpus`.
 * @throws {DatamillError} UNKNOWN_PATH (exit 2) when nothing says anything about it.
 */
export function explain(options: ResolveOptions, path: string): Statement[] {
  const [head = '', ...rest] = splitPath(path);
  const component = head === 'project' || head === 'target' ? undefined : head;
  const resolved = resolveFor(options, component);
  const found = find(resolved, head, rest);
  if (found.length > 0) return found;
  const known = ['project', 'target', ...resolved.components.map(({ name }) => name)];
  const subject = resolved.components.find(({ name }) => name === head);
  const settings =
    subject === undefined ? [] : ['release', 'namespace', 'values', ...Object.keys(subject.config)];
  const hint = known.includes(head)
    ? (nearest(rest[0] ?? '', settings) ??
      (settings.length > 0 ? `${head} has ${settings.join(', ')}` : undefined))
    : nearest(head, known);
  throw configError('UNKNOWN_PATH', `nothing says anything about ${path}`, {
    hint: hint ?? `begin with ${known.join(', ')}`,
  });
}

/** A component that the flavour does not list can be asked about all the same. */
function resolveFor(options: ResolveOptions, component: string | undefined): Resolved {
  const whole = resolve(options);
  if (component === undefined || whole.components.some(({ name }) => name === component)) return whole;
  try {
    return resolve({ ...options, components: [component] });
  } catch {
    return whole;
  }
}

function find(resolved: Resolved, head: string, rest: string[]): Statement[] {
  if (head === 'project') {
    const said = statements(resolved.projectLayers, rest);
    const value = getAt(resolved.project, rest);
    return said.length > 0 || value === undefined ? said : [{ at: { file: 'default' }, value }];
  }
  if (head === 'target') return resolved.target === undefined ? [] : statements(resolved.target.layers, rest);
  const component = resolved.components.find(({ name }) => name === head);
  if (component === undefined) return [];
  if (rest[0] === 'values') return statements(component.valueLayers, rest);
  const said = statements(component.layers, rest);
  if (said.length > 0) return said;
  const value =
    rest[0] === 'release'
      ? component.release
      : rest[0] === 'namespace'
        ? component.namespace
        : getAt(component.config, rest);
  return value === undefined ? [] : [{ at: { file: 'default' }, value }];
}

export type DocumentKind = 'flavour' | 'target' | 'component';

/** Validates one file of any kind; what it names must be there too. */
export function validate(file: string): { kind: DocumentKind; warnings: Warning[] } {
  const document = readDocument(file, 'configuration');
  const kind = kindOf(file, document.data);
  if (kind === 'flavour') return { kind, warnings: resolve({ flavours: [file] }).warnings };
  if (kind === 'target') {
    validateWith(TargetFile, document.data, { document, path: [], label: '' });
    return { kind, warnings: [] };
  }
  validateWith(ComponentFile, document.data, { document, path: [], label: '' });
  openCatalogue([dirname(dirname(file))]).get(basename(dirname(file)));
  return { kind, warnings: [] };
}

const TARGET_KEYS = new Set(['apiVersion', 'local', 'remote', 'hybrid']);

function kindOf(file: string, data: unknown): DocumentKind {
  if (basename(file) === 'component.yaml') return 'component';
  const keys = isTree(data) ? Object.keys(data) : [];
  if (keys.length > 0 && keys.every((key) => TARGET_KEYS.has(key))) return 'target';
  return 'flavour';
}
