import type { Command } from 'commander';
import { collect, runs, shared } from './flags.ts';

/** Working with what is installed. */
export function operateCommands(program: Command): void {
  runs(
    shared(
      program
        .command('check')
        .description('use every service for real, and say whether it works')
        .option('-c, --component <name>', 'only this component; repeatable', collect),
    ),
    async () => (await import('../commands/check.ts')).run,
  );
}
