import type { Command } from 'commander';
import { changing, runs, shared } from './flags.ts';

/** The Secrets of a flavour. */
export function secretsCommands(program: Command): void {
  const secrets = shared(
    program
      .command('secrets')
      .description('list the secrets of a flavour, without their values; print or rotate one')
      .argument('[component]', 'only those of this component'),
  )
    .option('--show <name...>', 'print the values of a Secret, or of one key: --show NAME [KEY]; asks first')
    .option('--env', 'print export lines for a shell, values included: eval "$(datamill secrets --env)"')
    // So that flags behind `rotate` are its own.
    .enablePositionalOptions();
  runs(secrets, async () => (await import('../commands/secrets.ts')).secrets);
  const rotate = changing(
    shared(
      secrets
        .command('rotate')
        .description('make new values for a Secret, and restart what uses it')
        .argument('<name>', 'name of the Secret')
        .argument('[key]', 'only this key'),
    ),
  );
  rotate.hook('preAction', () => inherit(secrets, rotate));
  runs(rotate, async () => (await import('../commands/secrets.ts')).rotate);
}

/** Flags that stand before the verb count as well: `datamill secrets -f my.yaml rotate NAME`. */
function inherit(from: Command, to: Command): void {
  for (const [name, value] of Object.entries(from.opts()))
    if (from.getOptionValueSource(name) === 'cli' && to.getOptionValueSource(name) !== 'cli')
      to.setOptionValueWithSource(name, value, 'cli');
}
