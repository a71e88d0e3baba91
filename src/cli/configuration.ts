import type { Command } from 'commander';
import { runs, shared, simple } from './flags.ts';

/** Files, and what there is to put in them. */
export function configurationCommands(program: Command): void {
  runs(
    shared(program.command('config').description('show the configuration after all merging')).option(
      '--explain <path>',
      'show where a value comes from, such as minio.storage_class',
    ),
    async () => (await import('../commands/config.ts')).config,
  );
  runs(
    simple(
      program
        .command('validate')
        .description('check flavour, target and component files')
        .argument('<file...>'),
    ),
    async () => (await import('../commands/config.ts')).validate,
  );
  runs(
    shared(program.command('components').description('list the components that there are')),
    async () => (await import('../commands/catalogue.ts')).components,
  );
  runs(
    simple(program.command('flavours').description('list the packaged flavours')),
    async () => (await import('../commands/catalogue.ts')).flavours,
  );
}
