import { type Command, Option } from 'commander';
import { runs, where } from './flags.ts';

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
  runs(
    exported(
      read(
        pipeline.command('check').description('check that a project can run in a cluster; writes nothing'),
      ),
    ),
    async () => (await import('../commands/pipeline.ts')).check,
  );
  runs(
    exported(read(pipeline.command('export').description('write a project as a workflow for Argo'))).option(
      '-o, --out-file <file>',
      'where to write; - for standard output; default: argo.yaml in the project',
    ),
    async () => (await import('../commands/pipeline.ts')).exportWorkflow,
  );
  running(pipeline);
}

/** Commands that work on a project in a cluster. */
function running(pipeline: Command): void {
  const load = () => import('../commands/pipeline-run.ts');
  runs(
    sent(
      exported(
        read(where(pipeline.command('upload').description('put the code of a project on the shared disk'))),
      ),
    ),
    async () => (await load()).upload,
  );
  runs(
    sent(
      exported(
        read(
          where(pipeline.command('submit').description('run a project as a workflow; uploads it if need be')),
        ),
      ),
    ).option('-w, --watch', 'follow it until it is over; the exit code is 0 when it succeeded'),
    async () => (await load()).submit,
  );
  runs(
    exported(
      read(where(pipeline.command('watch').description('follow a workflow; the newest of the project')), [
        'text',
        'json',
      ]),
    ).usage('[options] [workflow]'),
    async () => (await load()).watch,
  );
  runs(
    exported(
      read(where(pipeline.command('logs').description('show what the tasks of a workflow have written')), [
        'text',
        'json',
      ]),
    )
      .usage('[options] [task...]')
      .option('--workflow <name>', 'of this workflow; default: the newest of the project')
      .option('--follow', 'go on until the workflow is over')
      .option('--tail <lines>', 'only so many lines of each task, from the end')
      .option('--timestamps', 'with the time of each line'),
    async () => (await load()).logs,
  );
}

/** Flags of what brings code into the cluster. */
function sent(command: Command): Command {
  return command
    .addOption(
      new Option('--dest <way>', 'how pods get the code: from the shared disk, a clone, or their image')
        .choices(['shared-disk', 'git', 'image'])
        .default('shared-disk'),
    )
    .option(
      '--repository <name>',
      'with --dest image: where images go, such as registry.example.org/team/project',
    )
    .option('--keep <n>', 'remove older versions from the disk but for so many, and those in use');
}

/** Flags of what becomes a workflow. */
function exported(command: Command): Command {
  return command
    .addOption(
      new Option('--mode <mode>', 'force runs all tasks, the others only those that are outdated')
        .choices(['force', 'regular', 'incremental'])
        .default('force'),
    )
    .addOption(
      new Option('--kind <kind>', 'what to make')
        .choices(['Workflow', 'WorkflowTemplate', 'CronWorkflow'])
        .default('Workflow'),
    )
    .option('--schedule <cron>', 'when a CronWorkflow runs')
    .option('--image <image>', 'image of the pods; default: continuumio/miniconda3')
    .option('-n, --namespace <name>', 'namespace of the workflow; default: argo')
    .option('--service-account <name>', 'service account of the pods')
    .option('--claim <name>', 'the claim that holds the project; default: nfs')
    .option('--mount-path <path>', 'where pods mount it; default: /mnt/vol')
    .option('--sub-path <path>', 'folder of the project in the claim; default: the name of the project')
    .addOption(
      new Option('--access-mode <mode>', 'how the claim can be mounted, to check it').choices([
        'ReadWriteMany',
        'ReadWriteOnce',
        'ReadWriteOncePod',
        'ReadOnlyMany',
      ]),
    )
    .option('--max-bytes <n>', 'most bytes of one object; default: 900000')
    .option('--soopervisor-env <name>', 'target environment of a soopervisor.yaml that has several');
}

/** Flags of all that read a project. `--env--KEY VALUE` is taken by the command itself. */
function read(command: Command, forms = ['text', 'json', 'yaml']): Command {
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
    .argument('[key-value...]')
    .allowUnknownOption();
}
