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
  runs(
    shared(
      program
        .command('doctor')
        .description('look at tools, cluster, rights, storage, room and pods: what stands in the way'),
    ),
    async () => (await import('../commands/doctor.ts')).run,
  );
  runs(
    shared(
      program
        .command('logs')
        .description('print the logs of the pods of a component, or of all of them')
        .argument('[component]'),
    )
      .option('--follow', 'go on as more is logged, through restarts and new pods, until Ctrl-C')
      .option('--since <span>', 'only what is younger, such as 10m or 1h30m')
      .option('--tail <n>', 'only the last lines of each container')
      .option('--container <name>', 'only containers of this name')
      .option('--previous', 'of the containers that ran before the present ones')
      .option('--timestamps', 'with the time of every line'),
    async () => (await import('../commands/logs.ts')).run,
  );
}
