import type { Command } from 'commander';
import { runs, shared } from './flags.ts';

/** The life of the target. */
export function clusterCommands(program: Command): void {
  runs(
    shared(program.command('start').description('start the target; components are left alone')).option(
      '--adopt',
      'take over a cluster of the same name that somebody else made',
    ),
    async () => (await import('../commands/cluster.ts')).start,
  );
  runs(
    shared(program.command('stop').description('stop the target; nothing is lost')),
    async () => (await import('../commands/cluster.ts')).stop,
  );
  runs(
    shared(program.command('destroy').description('delete the target with everything in it')).option(
      '--confirm <name>',
      'the name of a cluster that is paid for: without a terminal it is only deleted with this',
    ),
    async () => (await import('../commands/cluster.ts')).destroy,
  );
  runs(
    shared(
      program
        .command('connect')
        .description('hold the way to a machine over SSH open, for kubectl and others, until Ctrl-C'),
    ),
    async () => (await import('../commands/cluster.ts')).connect,
  );
  runs(
    shared(
      program.command('kubeconfig').description('print the kubeconfig of the target, for kubectl and helm'),
    )
      .option('--path', 'print only where it is')
      .option('--merge', 'put it into your own kubeconfig, and make it the current context'),
    async () => (await import('../commands/cluster.ts')).kubeconfig,
  );
}
