import * as actions from '../actions/catalogue.ts';
import { renderTable } from '../ui/table.ts';
import type { CommandIO } from './runtime.ts';

const titles = (...names: string[]) => names.map((title) => ({ title }));

/** `datamill components` */
export async function components({ io }: { io: CommandIO }): Promise<number> {
  const all = actions.components();
  await io.document({ components: all }, () => {
    const rows = all
      .filter(({ state }) => state === 'available')
      .map(({ name, needs, provides, summary }) => [name, needs.join(', '), provides.join(', '), summary]);
    const planned = all.filter(({ state }) => state === 'planned').map(({ name }) => name);
    const gone = all
      .filter(({ state }) => state === 'gone')
      .map(({ name, summary }) => `  ${name}: ${summary}`);
    const table = renderTable(titles('COMPONENT', 'NEEDS', 'PROVIDES', 'SUMMARY'), rows, {
      width: process.stdout.columns,
    }).trimEnd();
    return `${table}\n\nPlanned: ${planned.join(', ')}.\nNot to be had any more:\n${gone.join('\n')}\n`;
  });
  return 0;
}

/** `datamill flavours` */
export async function flavours({ io }: { io: CommandIO }): Promise<number> {
  const all = actions.flavours();
  await io.document(
    { flavours: all },
    () =>
      `${renderTable(
        titles('FLAVOUR', 'COMPONENTS'),
        all.map(({ name, components: parts }) => [name, parts.join(', ')]),
        { width: process.stdout.columns },
      ).trimEnd()}\n\n\`datamill up -f FLAVOUR\` installs one.\n`,
  );
  return 0;
}
