import { type Command, Option } from 'commander';
import { runs } from './flags.ts';

/** Ploomber projects as workflows of Argo. */
export function pipelineCommands(program: Command): void {
  const pipeline = program.command('pipeline').description('Ploomber projects as Argo workflows');
  runs(
    read(pipeline.command('graph').description('show the tasks of a project and what each needs'), [
      'text',
      'json',
      'yaml',
      'mermaid',
      'dot',
    ]),
    async () => (await import('../commands/pipeline.ts')).graph,
  );
}

/** Flags of all that read a project. `--env--KEY VALUE` is taken by the command itself. */
function read(command: Command, forms: string[]): Command {
  return command
    .usage('[options] [--env--KEY VALUE]...')
    .option(
      '-e, --entry <file>',
      'the pipeline file, a folder of scripts or a pattern; default: pipeline.yaml',
    )
    .option('--env <name>', 'read env.NAME.yaml instead of env.yaml')
    .addOption(new Option('--output <form>', 'how to print').choices(forms).default('text'))
    .option('--verbose', 'say more, also about errors')
    .option('--no-color', 'no colours')
    .allowUnknownOption()
    .allowExcessArguments();
}
