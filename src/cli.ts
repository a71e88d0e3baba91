#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8';
import { Command, CommanderError, Option } from 'commander';
import { version } from './util/version.ts';

// Only commander is loaded here: each command imports what it needs when it is called, so that
// `--help` costs next to nothing.

// Most runs are over before code that V8 optimises pays off: with its usual budget Node 20 spends a
// third of the CPU time of resolving a flavour on that. Later versions have a cheap tier between.
if (process.version.startsWith('v20.')) setFlagsFromString('--interrupt-budget=500000');

// Each command knows the flags that it declares here.
type Handler = (options: never, ...args: string[]) => Promise<number>;

const collect = (value: string, previous: string[] = []) => [...previous, value];

const program = new Command('datamill')
  .description('Turns a short YAML file into a running data and machine-learning platform on Kubernetes.')
  .version(version)
  .showHelpAfterError('(datamill --help shows all commands)')
  .configureHelp({ sortSubcommands: false })
  .exitOverride();

/** Flags that mean the same everywhere. */
function shared(command: Command): Command {
  return command
    .option('-f, --flavour <file>', 'flavour file; may be given several times, later over earlier', collect)
    .option('-t, --target <file|context>', 'target file, or the name of a kube context')
    .option('-l, --local', 'use the `local:` section of the flavour')
    .option('-r, --remote', 'use the `remote:` section')
    .option('--hybrid', 'use the `hybrid:` section')
    .option('-n, --namespace <name>', 'namespace, instead of project.k8s_namespace')
    .option('--kubeconfig <file>', 'use an existing cluster: its kubeconfig')
    .option('--context <name>', 'use an existing cluster: its context')
    .option('--set <key=value>', 'set one value, such as minio.storage_class=fast; repeatable', collect)
    .addOption(
      new Option('--output <form>', 'how to print').choices(['text', 'json', 'yaml']).default('text'),
    )
    .option('--verbose', 'say more, also about errors')
    .option('--yes', 'answer yes to questions')
    .option('--no-color', 'no colours');
}

function simple(command: Command): Command {
  return command
    .addOption(
      new Option('--output <form>', 'how to print').choices(['text', 'json', 'yaml']).default('text'),
    )
    .option('--verbose', 'say more, also about errors')
    .option('--no-color', 'no colours');
}

function components(command: Command): Command {
  return command
    .option('-c, --component <name>', 'only this component (with what it needs); repeatable', collect)
    .option('--only', 'with -c: without what the components need');
}

function changing(command: Command): Command {
  return command
    .option('--concurrency <n>', 'components at once', Number)
    .option('--wait-lock', 'wait while another run holds the lock, instead of stopping');
}

/** Imports the command when it is called, runs it and keeps its exit code. */
function runs(command: Command, load: () => Promise<Handler>): void {
  command.action(async (...all: unknown[]) => {
    const options = all.at(-2) as Record<string, unknown>;
    const args = all.slice(0, -2).flat() as string[];
    const { runCommand } = await import('./commands/runtime.ts');
    process.exitCode = await runCommand(options, async (io) =>
      (await load())({ ...options, io } as never, ...args),
    );
  });
}

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
    .option('--adopt', 'take over releases of the same name that somebody else made')
    .option('--dry-run', 'show what would be done, change nothing'),
  async () => (await import('./commands/up.ts')).run,
);
runs(
  changing(
    components(shared(program.command('down').description('uninstall a flavour; volumes and secrets stay'))),
  ).option(
    '--delete-data',
    'delete its volumes and secrets too, and the namespace if nothing foreign is in it',
  ),
  async () => (await import('./commands/down.ts')).run,
);
runs(
  components(
    shared(
      program.command('plan').description('show what `up` would change, and what was changed in the cluster'),
    ),
  ).option('--exit-code', 'exit 5 when there is a difference'),
  async () => (await import('./commands/plan.ts')).run,
);
runs(
  components(shared(program.command('status').description('show how the components are'))),
  async () => (await import('./commands/status.ts')).run,
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
  async () => (await import('./commands/render.ts')).run,
);
runs(
  shared(program.command('history').description('list the revisions of a component').argument('<component>')),
  async () => (await import('./commands/history.ts')).history,
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
  async () => (await import('./commands/history.ts')).rollback,
);
runs(
  shared(program.command('start').description('start the target; components are left alone')),
  async () => (await import('./commands/cluster.ts')).start,
);
runs(
  shared(program.command('stop').description('stop the target; nothing is lost')),
  async () => (await import('./commands/cluster.ts')).stop,
);
runs(
  shared(program.command('destroy').description('delete the target with everything in it')),
  async () => (await import('./commands/cluster.ts')).destroy,
);
runs(
  shared(
    program.command('kubeconfig').description('print the kubeconfig of the target, for kubectl and helm'),
  ).option('--path', 'print only where it is'),
  async () => (await import('./commands/cluster.ts')).kubeconfig,
);
runs(
  shared(program.command('config').description('show the configuration after all merging')).option(
    '--explain <path>',
    'show where a value comes from, such as minio.storage_class',
  ),
  async () => (await import('./commands/config.ts')).config,
);
runs(
  simple(
    program
      .command('validate')
      .description('check flavour, target and component files')
      .argument('<file...>'),
  ),
  async () => (await import('./commands/config.ts')).validate,
);
runs(
  shared(program.command('components').description('list the components that there are')),
  async () => (await import('./commands/catalogue.ts')).components,
);
runs(
  simple(program.command('flavours').description('list the packaged flavours')),
  async () => (await import('./commands/catalogue.ts')).flavours,
);

const tools = program.command('tools').description('the programs that datamill runs');
runs(
  simple(tools.command('list').description('what is needed and where it is')),
  async () => (await import('./commands/tools.ts')).toolsList,
);
runs(
  simple(tools.command('install').description('install what is missing').argument('[name...]')),
  async () => (await import('./commands/tools.ts')).toolsInstall,
);
runs(
  simple(tools.command('path').description('print where a tool is').argument('<name>')),
  async () => (await import('./commands/tools.ts')).toolsPath,
);

program.addHelpText(
  'after',
  `
First steps:
  datamill up              install the default flavour on a rehearsal cluster of this machine
  datamill status          see how it is
  datamill down            take it away again`,
);

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // Help and version end with 0; a wrong word or flag is a usage error.
  process.exitCode = error.exitCode === 0 ? 0 : 2;
}
