import type { Command } from 'commander';
import { runs, shared } from './flags.ts';

/** The life of the target. */
export function clusterCommands(program: Command): void {
  runs(
    shared(program.command('start').description('start the target; components are left alone')),
    async () => (await import('../commands/cluster.ts')).start,
  );
  runs(
    shared(program.command('stop').description('stop the target; nothing is lost')),
    async () => (await import('../commands/cluster.ts')).stop,
  );
  runs(
    shared(program.command('destroy').description('delete the target with everything in it')),
    async () => (await import('../commands/cluster.ts')).destroy,
  );
  runs(
    shared(
      program.command('kubeconfig').description('print the kubeconfig of the target, for kubectl and helm'),
    ).option('--path', 'print only where it is'),
    async () => (await import('../commands/cluster.ts')).kubeconfig,
  );
}
