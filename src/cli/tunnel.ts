import { type Command, Option } from 'commander';
import { collect, runs, shared } from './flags.ts';

/** Pods that call this machine. */
export function tunnelCommands(program: Command): void {
  // A command after `--` is the user's own: commander would look for names in it.
  const after = process.argv[2] === 'tunnel' ? process.argv.indexOf('--') : -1;
  const command = after < 0 ? [] : process.argv.splice(after).slice(1);

  const tunnel = shared(
    program.command('tunnel').description('let pods call this machine, under the name of a service'),
  )
    .argument('[name]', 'name of the service; <user>-tunnel when left out')
    .option(
      '-p, --port <cluster[:[host:]local]>',
      'port of the service, and where it leads; repeatable',
      collect,
    )
    .addOption(
      new Option('--transport <way>', 'api: through the API server; nodeport: through a node')
        .choices(['api', 'nodeport'])
        .default('api'),
    )
    .option(
      '--ttl <span>',
      'the cluster removes it so long after this program was last heard of; 8h when left out',
    )
    .option('--image <name>', '`tunnel`, `datamill`, or any image with OpenSSH')
    .option('--from <namespace>', 'also let pods of this namespace in, * for all; repeatable', collect)
    .option('--reuse', 'take over a tunnel of yours that is in use; its address stays')
    .option('--replace', 'the same, and make everything anew')
    .usage('[options] [name] [-- command...]')
    // Flags after `list` are those of `list`.
    .enablePositionalOptions();
  runs(tunnel, async () => {
    const { run } = await import('../commands/tunnel.ts');
    return (options: never, name?: string) => run(options, name, ...command);
  });
  runs(
    shared(tunnel.command('list').description('list the tunnels of the namespace, of all users')),
    async () => (await import('../commands/tunnel.ts')).list,
  );
  runs(
    shared(tunnel.command('down').description('remove a tunnel of yours').argument('[name]')),
    async () => (await import('../commands/tunnel.ts')).down,
  );
  runs(
    shared(tunnel.command('gc').description('remove what programs of yours that are gone left behind')),
    async () => (await import('../commands/tunnel.ts')).gc,
  );
  // What runs in the pod, where the image is our own.
  runs(
    tunnel.command('serve', { hidden: true }).argument('<file>'),
    async () => (await import('../commands/tunnel.ts')).serve,
  );
}
