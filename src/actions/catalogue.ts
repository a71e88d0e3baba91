import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { openCatalogue } from '../catalogue/catalogue.ts';
import { packagedFlavours } from '../resolve/flavour.ts';
import { resolve } from '../resolve/resolve.ts';

export interface ComponentEntry {
  name: string;
  summary: string;
  needs: string[];
  provides: string[];
  /** `available`, `planned` or `gone`. */
  state: string;
}

/** Every component, also those that are only names yet, or only names any more. */
export function components(): ComponentEntry[] {
  const catalogue = openCatalogue([]);
  const available = catalogue.names().map((name): ComponentEntry => {
    const { summary, needs, provides } = catalogue.get(name).spec;
    const wanted = Object.values(needs).map((need) =>
      typeof need === 'string' ? need : `${need.capability}${need.optional ? '?' : ''}`,
    );
    return { name, summary, needs: wanted, provides: Object.keys(provides), state: 'available' };
  });
  const empty = { needs: [], provides: [] };
  const planned = [...catalogue.planned]
    .sort()
    .map((name) => ({ name, summary: '', ...empty, state: 'planned' }));
  const gone = [...catalogue.gone].map(([name, summary]) => ({ name, summary, ...empty, state: 'gone' }));
  return [...available, ...planned, ...gone];
}

export interface FlavourEntry {
  name: string;
  file: string;
  components: string[];
}

export function flavours(): FlavourEntry[] {
  return readdirSync(packagedFlavours)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => {
      const file = join(packagedFlavours, name);
      const resolved = resolve({ flavours: [file] });
      return {
        name: name.replace(/\.yaml$/, ''),
        file,
        components: [
          ...resolved.components.map((component) => component.name),
          ...resolved.unavailable.map((component) => component.name),
        ],
      };
    });
}
