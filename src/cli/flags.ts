import { type Command, Option } from 'commander';

// Each command knows the flags that it declares here.
type Handler = (options: never, ...args: string[]) => Promise<number>;

/** Flags that may be given several times. */
export const collect = (value: string, previous: string[] = []): string[] => [...previous, value];

/** Flags that mean the same everywhere. */
export function shared(command: Command): Command {
  return where(command)
    .option('-n, --namespace <name>', 'namespace, instead of project.k8s_namespace')
    .addOption(
      new Option('--output <form>', 'how to print').choices(['text', 'json', 'yaml']).default('text'),
    )
    .option('--verbose', 'say more, also about errors')
    .option('--yes', 'answer yes to questions')
    .option('--accept-host-key', 'believe a machine that was never seen, at first contact over SSH')
    .option('--no-color', 'no colours');
}

/** Flags that say which flavour is meant, and on which target. */
export function where(command: Command): Command {
  return command
    .option('-f, --flavour <file>', 'flavour file; may be given several times, later over earlier', collect)
    .option('-t, --target <file|context>', 'target file, or the name of a kube context')
    .option('-l, --local', 'use the `local:` section of the flavour')
    .option('-r, --remote', 'use the `remote:` section')
    .option('--hybrid', 'use the `hybrid:` section')
    .option('--kubeconfig <file>', 'use an existing cluster: its kubeconfig')
    .option('--context <name>', 'use an existing cluster: its context')
    .option('--mirror <folder>', 'take charts from this folder of .tgz files, and from nowhere else')
    .option('--set <key=value>', 'set one value, such as minio.storage_class=fast; repeatable', collect);
}

export function simple(command: Command): Command {
  return command
    .addOption(
      new Option('--output <form>', 'how to print').choices(['text', 'json', 'yaml']).default('text'),
    )
    .option('--verbose', 'say more, also about errors')
    .option('--no-color', 'no colours');
}

export function components(command: Command): Command {
  return command
    .option('-c, --component <name>', 'only this component (with what it needs); repeatable', collect)
    .option('--only', 'with -c: without what the components need');
}

export function changing(command: Command): Command {
  return command
    .option('--concurrency <n>', 'components at once (8 when not given)', Number)
    .option('--wait-lock', 'wait while another run holds the lock, instead of stopping');
}

/** Imports the command when it is called, runs it and keeps its exit code. */
export function runs(command: Command, load: () => Promise<Handler>): void {
  command.action(async (...all: unknown[]) => {
    const options = all.at(-2) as Record<string, unknown>;
    const args = all.slice(0, -2).flat() as string[];
    const { runCommand } = await import('../commands/runtime.ts');
    process.exitCode = await runCommand(options, async (io) =>
      (await load())({ ...options, io } as never, ...args),
    );
  });
}
