import type { Command } from 'commander';
import { runs, simple } from './flags.ts';

/** The programs that datamill runs. */
export function toolsCommands(program: Command): void {
  const tools = program.command('tools').description('the programs that datamill runs');
  runs(
    simple(tools.command('list').description('what is needed and where it is')),
    async () => (await import('../commands/tools.ts')).toolsList,
  );
  runs(
    simple(tools.command('install').description('install what is missing').argument('[name...]')),
    async () => (await import('../commands/tools.ts')).toolsInstall,
  );
  runs(
    simple(tools.command('path').description('print where a tool is').argument('<name>')),
    async () => (await import('../commands/tools.ts')).toolsPath,
  );
}
