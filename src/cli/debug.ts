import type { Command } from 'commander';
import { runs, shared } from './flags.ts';

/** Pods and containers to look around from. */
export function debugCommands(program: Command): void {
  const debug = program
    .command('debug')
    .description('look around from inside: pods and containers with tools');
  const described = {
    net: 'a terminal in a new pod with tools for the network: curl, dig, nc, ping, traceroute, openssl, jq',
    app: 'a terminal in a new pod with clients: s3fs, psql, mysql, redis-cli, kcat, git, Java, Python, tcpdump',
  };
  for (const kind of ['net', 'app'] as const) {
    runs(
      inside(shared(debug.command(kind).description(described[kind])))
        .option('--node <name>', 'on this node')
        .argument('[command...]', 'instead of a shell: after --'),
      async () => (await import('../commands/debug.ts'))[kind],
    );
  }
  runs(
    inside(shared(debug.command('attach').description('a terminal in a new container beside a running one')))
      .argument('<pod>', 'name of a pod, or of a component')
      .option('--container <name>', 'the container whose processes are seen')
      .argument('[command...]', 'instead of a shell: after --'),
    async () => (await import('../commands/debug.ts')).attach,
  );
  runs(
    shared(
      debug
        .command('show')
        .description('print a pod as YAML, secret values masked')
        .argument('<pod>', 'name of a pod, or of a component'),
    ),
    async () => (await import('../commands/debug.ts')).show,
  );
  runs(
    shared(debug.command('gc').description('delete debug pods that are over or whose maker is gone')).option(
      '--all',
      'also those that are used, and those of others; asks',
    ),
    async () => (await import('../commands/debug.ts')).gc,
  );
}

function inside(command: Command): Command {
  return command
    .option('--image <name>', 'another image than ours')
    .option('--privileged', 'as root of the node; asks')
    .option('--ttl <span>', 'end it after this time in any case; 1h when left out');
}
