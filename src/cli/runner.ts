import { type Command, Option } from 'commander';
import { collect, runs, simple } from './flags.ts';

type Flag = [flags: string, description: string, fallback?: string | boolean];

/** Where queues are; each flag is also a variable: upper case, dashes to underscores. */
const QUEUES: Flag[] = [
  ['--amqp-url <url>', 'RabbitMQ, for queues rmq_…'],
  ['--amqp-mgt-url <url>', 'its management API; default: the same host, port + 10000'],
  ['--queue-root <folder>', 'folder of queues that are folders, for queues local_…'],
  ['--custody-after <span>', 'for which a broker may wait for an acknowledgement', '20m'],
  ['--dlq-suffix <suffix>', 'what follows the name of a queue in that of its dead letters', '_dead'],
];

const START: Flag[] = [
  ['--queue-match <regexp>', 'queues to serve', '^(rmq|local)_.*$'],
  ['--queue-mismatch <regexp>', 'queues not to serve'],
  ['--executor <name>', 'how experiments are run: process', 'process'],
  ['--prom-address <address>', 'metrics, health and status; "" for none', ':9090'],
  ['--encrypt-dir <folder>', 'keys that open encrypted requests'],
  ['--clear-text-messages', 'take requests in clear, too, where there are such keys', false],
  ['--request-signatures-dir <folder>', 'public keys of those who may submit, by prefix of queues'],
  ['--response-signatures-dir <folder>', 'public keys for reports, by prefix of queues'],
  ['--slack-hook <url>', 'tells Slack how experiments ended'],
  ['--slack-room <name>', 'room when a request names none'],
  ['--state-dir <folder>', 'where ConfigMaps with STATE are mounted'],
  ['--working-dir <folder>', 'where experiments run', './.studioml'],
  ['--cache-dir <folder>', 'cache of artifacts; default: in the working folder'],
  ['--cache-size <size>', 'its size, such as 10GiB; at least 1GB', '10GB'],
  ['--max-cores <n>', 'CPUs for experiments; default: all'],
  ['--max-mem <size>', 'memory for experiments; default: all'],
  ['--max-disk <size|share>', 'disk for experiments', '85%'],
  ['--cpu-only', 'use no GPUs', false],
  ['--cuda-visible-devices <list>', 'GPUs to use; default: all'],
  ['--max-attempts <n>', 'attempts before a message is put aside', '5'],
  ['--retry-delay <span>', 'before the second attempt; doubled for each one after', '5s'],
  ['--drain-timeout <span>', 'to hand experiments back in when told to end', '25s'],
  ['--lease-ttl <span>', 'after which a silent worker has lost its experiment', '30s'],
  ['--queue-refresh <span>', 'between two looks for new queues', '10s'],
  ['--limit-tasks <n>', 'end after so many experiments'],
  ['--limit-idle-duration <span>', 'end after so long without one'],
  ['--host-name <name>', 'what this runner is called in metadata; default: the name of the machine'],
  ['--allow-env-secrets', "use this environment's AWS_* keys when a message brings none", false],
  ['--schema-logs', 'put other lines of output into /studioml/log', false],
];

const NUMBERS = new Set(['maxCores', 'maxAttempts', 'limitTasks']);

function withFlags(command: Command, flags: readonly Flag[]): Command {
  for (const [words, description, fallback] of flags) {
    const option = new Option(words, description);
    option.env(option.name().toUpperCase().replaceAll('-', '_'));
    if (NUMBERS.has(option.attributeName())) option.argParser(Number);
    if (fallback !== undefined)
      option.default(NUMBERS.has(option.attributeName()) ? Number(fallback) : fallback);
    command.addOption(option);
  }
  return simple(command);
}

/** Experiments from queues. */
export function runnerCommands(program: Command): void {
  const runner = program.command('runner').description('run experiments that wait in queues');
  runs(
    withFlags(runner.command('start').description('serve queues until told to end'), [
      ...QUEUES,
      ...START,
    ]).option(
      '--file-root <folder>',
      'allow artifacts that are files below this folder; repeatable',
      collect,
    ),
    async () => (await import('../commands/runner.ts')).start,
  );
  runs(
    withFlags(
      runner
        .command('submit <file>')
        .description('put a request (JSON) on a queue')
        .option('--queue <name>', 'the queue'),
      [
        ...QUEUES,
        ['--encrypt <file>', 'public RSA key of the runners (PEM): only they can read it'],
        ['--sign <file>', 'private Ed25519 key to sign it with'],
      ],
    ),
    async () => (await import('../commands/runner.ts')).submit,
  );
  runs(
    withFlags(runner.command('experiments').description('list attempts by their metadata, newest first'), [
      ['--store <address>', 'bucket with the metadata: s3://host:9000/bucket or file:///folder'],
      ['--project <name>', 'only of this project'],
    ]).option('--where <name=value>', 'only where the experiment says so; repeatable', collect),
    async () => (await import('../commands/runner.ts')).experiments,
  );
  runs(
    withFlags(runner.command('status').description('ask a runner how it is'), [
      ['--prom-address <address>', 'where it answers', ':9090'],
    ]),
    async () => (await import('../commands/runner.ts')).status,
  );
  const dlq = runner.command('dlq').description('messages that were put aside');
  runs(
    withFlags(dlq.command('ls <queue>').description('list them'), QUEUES),
    async () => (await import('../commands/runner.ts')).listDead,
  );
  runs(
    withFlags(dlq.command('retry <queue> [ids...]').description('put them on their queue again'), QUEUES),
    async () => (await import('../commands/runner.ts')).retryDead,
  );
}
