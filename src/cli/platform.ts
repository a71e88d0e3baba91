import type { Command } from 'commander';
import { changing, components, runs, shared } from './flags.ts';

/** Installing a flavour and looking at what is installed. */
export function platformCommands(program: Command): void {
  runs(
    changing(
      components(
        shared(
          program
            .command('up')
            .description('install a flavour: makes or reaches the target, installs, wires, reports'),
        ),
      ),
    )
      .option('--prune', 'uninstall what the flavour no longer names')
      .option('--force', 'install although rights, room or storage classes are missing')
      .option('--adopt', 'take over releases of the same name that somebody else made')
      .option('--no-check', 'do not use what was installed to see that it works')
      .option('--no-data', 'do not send the data folder to the object store')
      .option('--dry-run', 'show what would be done, change nothing'),
    async () => (await import('../commands/up.ts')).run,
  );
  runs(
    changing(
      components(
        shared(program.command('down').description('uninstall a flavour; volumes and secrets stay')),
      ),
    ).option(
      '--delete-data',
      'delete its volumes and secrets too, and the namespace if nothing foreign is in it',
    ),
    async () => (await import('../commands/down.ts')).run,
  );
  runs(
    components(
      shared(
        program
          .command('plan')
          .description('show what `up` would change, and what was changed in the cluster'),
      ),
    ).option('--exit-code', 'exit 5 when there is a difference'),
    async () => (await import('../commands/plan.ts')).run,
  );
  runs(
    components(shared(program.command('status').description('show how the components are'))).option(
      '--images',
      'show the images that run instead, with their digests',
    ),
    async () => (await import('../commands/status.ts')).run,
  );
  runs(
    components(
      shared(
        program
          .command('render')
          .description('write the manifests of the flavour to a folder, for GitOps')
          .argument('<folder>'),
      ),
    ),
    async () => (await import('../commands/render.ts')).run,
  );
  runs(
    shared(
      program.command('history').description('list the revisions of a component').argument('<component>'),
    ),
    async () => (await import('../commands/history.ts')).history,
  );
  runs(
    changing(
      shared(
        program
          .command('rollback')
          .description('go back to an earlier revision of a component')
          .argument('<component>')
          .argument('[revision]'),
      ),
    ),
    async () => (await import('../commands/history.ts')).rollback,
  );
}
