import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ParsedDocument, Path } from '../config/document.ts';
import { readDocument } from '../config/read.ts';
import {
  ComponentFile,
  type ComponentSpec,
  InlineComponent,
  reservedComponents,
  reservedSettings,
} from '../config/schema/component.ts';
import { validate } from '../config/validate.ts';
import { configError } from '../errors.ts';
import { packageRoot } from '../util/paths.ts';
import { loadNames, type Names } from './names.ts';

/** One component: its validated description and where each word of it stands. */
export interface Component {
  name: string;
  /** The folder of component.yaml, or of the flavour that defines it inline. */
  folder: string;
  /** True when the folder is the component's own: settings and values files are looked for in it. */
  hasFolder: boolean;
  spec: ComponentSpec;
  document: ParsedDocument;
  /** Path of the description in the document; empty for component.yaml. */
  path: Path;
}

/** A component that a flavour defines itself. */
export interface InlineDefinition {
  name: string;
  value: unknown;
  document: ParsedDocument;
  path: Path;
}

export interface Catalogue {
  /** Names of all installable components, sorted. */
  names(): string[];
  has(name: string): boolean;
  /** Reads and validates a component on first use. */
  get(name: string): Component;
  aliases: Names['aliases'];
  planned: Names['planned'];
  gone: Names['gone'];
}

export const packagedComponents: string = join(packageRoot, 'components');

/**
 * Opens a catalogue over component folders; a later folder wins over an earlier one, and inline
 * definitions win over folders.
 */
export function openCatalogue(
  folders: readonly string[],
  inline: readonly InlineDefinition[] = [],
): Catalogue {
  const places = new Map<string, string | InlineDefinition>();
  for (const folder of [packagedComponents, ...folders]) {
    for (const name of componentFolders(folder)) places.set(name, join(folder, name));
  }
  for (const definition of inline) places.set(definition.name, definition);
  const loaded = new Map<string, Component>();
  return {
    ...loadNames(join(packagedComponents, 'names.yaml')),
    names: () => [...places.keys()].sort(),
    has: (name) => places.has(name),
    get(name) {
      const known = loaded.get(name);
      if (known !== undefined) return known;
      const place = places.get(name);
      if (place === undefined) throw new Error(`no component ${name}`);
      const component = typeof place === 'string' ? loadFolder(place, name) : loadInline(place);
      loaded.set(name, component);
      return component;
    },
  };
}

function componentFolders(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !entry.name.startsWith('_') && (entry.isDirectory() || entry.isSymbolicLink()))
    .map((entry) => entry.name)
    .filter((name) => existsSync(join(folder, name, 'component.yaml')));
}

function loadFolder(folder: string, name: string): Component {
  const document = readDocument(join(folder, 'component.yaml'), 'component');
  const spec = validate(ComponentFile, document.data, { document, path: [], label: '' });
  if (spec.name !== name) {
    throw configError('COMPONENT_NAME', `the component is called "${spec.name}" but its folder "${name}"`, {
      at: document.locate(['name']),
      hint: 'give both the same name',
    });
  }
  return checked({ name, folder, hasFolder: true, spec, document, path: [] });
}

function loadInline({ name, value, document, path }: InlineDefinition): Component {
  const spec = validate(InlineComponent, value ?? {}, { document, path, label: `components.${name}` });
  return checked({
    name,
    folder: dirname(document.file),
    hasFolder: false,
    spec: { name, ...spec },
    document,
    path,
  });
}

function checked(component: Component): Component {
  const { name, spec, document, path } = component;
  if (reservedComponents.includes(name)) {
    throw configError('RESERVED_NAME', `a component cannot be called "${name}"`, {
      at: document.locate(path, 'key'),
      hint: 'flavour files use this name for something else: choose another',
    });
  }
  const taken = Object.keys(spec.config).find((setting) => reservedSettings.includes(setting));
  if (taken !== undefined) {
    throw configError('RESERVED_NAME', `a setting of ${name} cannot be called "${taken}"`, {
      at: document.locate([...path, 'config', taken], 'key'),
      hint: 'every component takes a setting of this name: choose another',
    });
  }
  return component;
}

/** Whether a component provides a capability. */
export function doesProvide(component: Component, capability: string): boolean {
  return Object.hasOwn(component.spec.provides, capability);
}

/** A need in its long form. */
export function needOf(need: ComponentSpec['needs'][string]): { capability: string; optional: boolean } {
  return typeof need === 'string' ? { capability: need, optional: false } : need;
}
