import type { Command } from 'commander';
import { collect, runs, simple } from './flags.ts';

/** Algorithms of others, run as isolated Jobs beside the data. */
export function nodeCommands(program: Command): void {
  const node = program
    .command('node')
    .description("run others' algorithms beside your data, as isolated Jobs");
  runs(
    at(node.command('start').description('listen to a server and run what it asks for, until Ctrl-C')),
    async () => (await import('../commands/node.ts')).start,
  );
  runs(
    at(node.command('status').description('list the runs of a node')),
    async () => (await import('../commands/node.ts')).status,
  );
  runs(
    at(node.command('kill').description('end runs').argument('[run...]', 'their numbers')).option(
      '--all',
      'all that run',
    ),
    async () => (await import('../commands/node.ts')).kill,
  );
  runs(
    at(
      node
        .command('doctor')
        .description('look at rights and storage, and from inside of a pod at what algorithms could reach'),
    ),
    async () => (await import('../commands/node.ts')).doctor,
  );
  runs(
    at(node.command('gc').description('remove what belongs to no run any more')).option(
      '--ended',
      'also the runs whose end the server has',
    ),
    async () => (await import('../commands/node.ts')).gc,
  );
  runs(
    simple(
      node
        .command('submit')
        .description('send a task to a server, and show what the nodes made of it')
        .argument('[file]', 'the request, as JSON'),
    )
      .option('--server <url>', 'the server; http://127.0.0.1:5000 when left out')
      .option('--image <name>', 'instead of a file: the algorithm')
      .option('--arg <word>', 'an argument of it; repeatable', collect)
      .option('--database <label>', 'a database that it uses; repeatable', collect)
      .option('--run <number>', 'number of the run')
      .option('--nodes <number>', 'how many nodes have to answer; all when left out'),
    async () => (await import('../commands/node.ts')).submit,
  );
  runs(
    simple(node.command('server').description('a server for trying things out: no users, no disk'))
      .option('--host <address>', 'where to listen; 127.0.0.1 when left out')
      .option('--port <number>', '5000 when left out'),
    async () => (await import('../commands/node.ts')).server,
  );
  runs(
    simple(
      node.command('proxy').description('the way from algorithms to the server: all that they can reach'),
    )
      .option('--config <file>', 'the node; node.yaml when left out')
      .option('--host <address>', 'where to listen; 127.0.0.1 when left out'),
    async () => (await import('../commands/node.ts')).proxy,
  );
}

function at(command: Command): Command {
  return simple(command)
    .option('--config <file>', 'the node; node.yaml when left out')
    .option('--kubeconfig <file>', 'kubeconfig of the cluster')
    .option('--context <name>', 'its context');
}
