import type { Catalogue, InlineDefinition } from '../catalogue/catalogue.ts';
import { isTree, type Tree } from '../config/merge.ts';
import { dnsLabel } from '../config/schema/common.ts';
import { flavourWords } from '../config/schema/flavour.ts';
import { bundle, unknownKey, validate } from '../config/validate.ts';
import { configError, DatamillError } from '../errors.ts';
import type { Flavour } from './flavour.ts';
import type { Layer } from './layers.ts';
import { canonical } from './selection.ts';

/** The components that the flavour defines itself. */
export function inlineComponents(flavour: Flavour): InlineDefinition[] {
  const { document } = flavour;
  const all = (document.data as Tree).components;
  if (all === undefined || all === null) return [];
  if (!isTree(all)) {
    throw configError('INVALID_VALUE', 'components: expected a map of components', {
      at: document.locate(['components']),
      hint: 'for example `components: { api: { chart: { path: ./charts/api } } }`',
    });
  }
  return Object.entries(all)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => {
      validate(dnsLabel, name, {
        document: { ...document, locate: () => document.locate(['components', name], 'key') },
        path: [],
        label: `components.${name}`,
      });
      // Relative paths of an inline component are relative to the file that defines it.
      const { file } = document.locate(['components', name]);
      const words = isTree(value)
        ? Object.fromEntries(Object.entries(value).filter(([, word]) => word !== null))
        : value;
      return { name, value: words, document: { ...document, file }, path: ['components', name] };
    });
}

/** Every key at the top of a flavour is one of its words or the name of a component. */
export function checkSections(flavour: Flavour, overrides: Layer, catalogue: Catalogue): void {
  const known = new Set([
    ...Object.keys(flavourWords),
    ...catalogue.names(),
    ...catalogue.aliases.keys(),
    ...catalogue.planned,
    ...catalogue.gone.keys(),
  ]);
  const problems = [...flavour.layers, overrides].flatMap(({ document }) =>
    Object.entries(document.data as Tree).flatMap(([key, value]) => {
      if (key === 'target' && document === overrides.document) return [];
      if (!known.has(key)) return [{ key, document }];
      if (Object.hasOwn(flavourWords, key) || value === null || isTree(value)) return [];
      throw configError('INVALID_VALUE', `${key}: expected a map of settings`, {
        at: document.locate([key]),
        hint: `for example \`${key}: { release: ${key} }\``,
      });
    }),
  );
  if (problems.length === 0) return;
  throw bundle(
    problems
      .slice(0, 20)
      .map(({ key, document }) => unknownKey(key, [...known], { document, path: [], label: '' })),
  );
}

/** A section of a component that takes no part must be right all the same. */
export function checkIdleSections(
  flavour: Flavour,
  members: ReadonlyMap<string, unknown>,
  catalogue: Catalogue,
  check: (name: string) => void,
): void {
  const idle = Object.keys(flavour.document.data as Tree)
    .filter((key) => !Object.hasOwn(flavourWords, key))
    .map((key) => canonical(key, catalogue))
    .filter((name) => catalogue.has(name) && !members.has(name));
  collect([...new Set(idle)], check);
}

/** Runs a step for every name and reports the mistakes of all of them together. */
export function collect(names: readonly string[], step: (name: string) => void): void {
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
