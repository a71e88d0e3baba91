import type { Command } from 'commander';
import { collect, runs, shared } from './flags.ts';

const PORT = '--port <local[:remote]>';

/** Reaching services from this machine. */
export function accessCommands(program: Command): void {
  runs(
    shared(
      program
        .command('forward')
        .description('open ports of this machine that lead to the links of the components, until Ctrl-C')
        .argument('[component]'),
    ).option(PORT, 'local port, and the port of the link that it is for; repeatable', collect),
    async () => (await import('../commands/forward.ts')).forward,
  );
  runs(
    shared(
      program
        .command('open')
        .description('forward one link of a component and open it in the browser')
        .argument('<component>')
        .argument('[link]'),
    ).option(PORT, 'local port', collect),
    async () => (await import('../commands/forward.ts')).open,
  );
  runs(
    shared(
      program
        .command('proxy')
        .description('serve the API of the cluster on project.proxy_port of this machine, until Ctrl-C'),
    ).option('--port <n>', 'port, instead of project.proxy_port'),
    async () => (await import('../commands/proxy.ts')).run,
  );
}
