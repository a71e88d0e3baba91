import type { Command } from 'commander';
import { runs, shared } from './flags.ts';

/** Developing an application beside a platform. */
export function devCommands(program: Command): void {
  const dev = program
    .command('dev')
    .description('start what `dev:` of the flavour names, with a tunnel to it from a cluster');
  const flag = ['-c, --containers', 'the containers of the compose file, instead of the command'] as const;
  runs(
    shared(dev.command('start').description('start it; with -t pods of that context can call it')).option(
      ...flag,
    ),
    async () => (await import('../commands/dev.ts')).start,
  );
  runs(
    shared(dev.command('stop').description('stop it, and remove the tunnel')).option(...flag),
    async () => (await import('../commands/dev.ts')).stop,
  );
}
