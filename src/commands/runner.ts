import * as actions from '../actions/runner.ts';
import { configError, ExitCode } from '../errors.ts';
import { renderTable } from '../ui/table.ts';
import type { CommandOptions } from './runtime.ts';

/** `datamill runner start` */
export async function start(options: CommandOptions): Promise<number> {
  const { io } = options;
  io.quiet({ cleansUp: true });
  const report = (event: actions.LogEvent) => {
    const verbose = event.level !== 'debug' || io.verbose;
    if (verbose) process.stdout.write(`${io.output === 'json' ? JSON.stringify(event) : textOf(event)}\n`);
  };
  await actions.start(options as unknown as actions.RunnerSettings, { signal: io.signal, report });
  return ExitCode.done;
}

function textOf({ schema: _, time, level, message, ...fields }: actions.LogEvent): string {
  const said = Object.entries(fields).map(([name, value]) => ` ${name}=${String(value)}`);
  return `${time.slice(11, 19)} ${level.padEnd(5)} ${message}${said.join('')}`;
}

/** `datamill runner submit FILE` */
export async function submit(options: CommandOptions, file: string): Promise<number> {
  const { io } = options;
  const queue = queueOf(options);
  const settings = options as unknown as actions.QueueSettings;
  const { key, sent } = await actions.submit({
    file,
    queue,
    settings,
    encrypt: options.encrypt as string | undefined,
    sign: options.sign as string | undefined,
    signal: io.signal,
  });
  await io.document({ key, queue, sent }, () => {
    const stored = sent.length === 0 ? '' : ` Stored first: ${sent.join(', ')}.`;
    return `${key} is on ${queue}.${stored}\n\`datamill runner start\` with the same flags runs it here.\n`;
  });
  return ExitCode.done;
}

/** `datamill runner dlq ls QUEUE` */
export async function listDead(options: CommandOptions, queue: string): Promise<number> {
  const { io } = options;
  const letters = await actions.deadLetters(queue, options as unknown as actions.QueueSettings);
  await io.document({ queue, letters }, () => {
    if (letters.length === 0) return `${queue} has no dead letters.\n`;
    const rows = letters.map(({ id, time, attempts, reason }) => [
      id,
      time,
      String(attempts),
      reason.split('\n')[0]!,
    ]);
    const hint = `\`datamill runner dlq retry ${queue} [ID]\` puts them on the queue again.\n`;
    return `${renderTable(
      ['ID', 'TIME', 'ATTEMPTS', 'REASON'].map((title) => ({ title })),
      rows,
    )}${hint}`;
  });
  return ExitCode.done;
}

/** `datamill runner dlq retry QUEUE [ID...]` */
export async function retryDead(options: CommandOptions, queue: string, ...ids: string[]): Promise<number> {
  const revived = await actions.revive(queue, ids, options as unknown as actions.QueueSettings);
  await options.io.document({ queue, revived }, () => `${revived.length} messages are on ${queue} again.\n`);
  return ExitCode.done;
}

function queueOf({ queue }: CommandOptions): string {
  if (typeof queue === 'string' && queue !== '') return queue;
  throw configError('FLAG', 'which queue? say --queue NAME', {
    hint: 'such as local_experiments or rmq_experiments',
  });
}

/** `datamill runner experiments` */
export async function experiments(options: CommandOptions): Promise<number> {
  const { io, project } = options;
  if (typeof options.store !== 'string')
    throw configError('FLAG', 'where is the metadata? say --store ADDRESS', {
      hint: 'such as s3://minio:9000/bucket',
    });
  const where = (options.where as string[] | undefined) ?? [];
  const { store } = options;
  const rows = await actions.experiments({
    store,
    project: project as string | undefined,
    where,
    signal: io.signal,
  });
  await io.document({ experiments: rows }, () => {
    if (rows.length === 0) return 'There are no such experiments.\n';
    const columns = ['EXPERIMENT', 'PROJECT', 'STATUS', 'ATTEMPT', 'START', 'HOST'].map((title) => ({
      title,
    }));
    const cells = rows.map((row) => [
      row.key,
      row.project,
      row.status,
      String(row.attempt),
      row.start,
      row.host,
    ]);
    return renderTable(columns, cells);
  });
  return ExitCode.done;
}

/** `datamill runner status` */
export async function status(options: CommandOptions): Promise<number> {
  const found = await actions.status(String(options.promAddress));
  await options.io.document({ ...found }, () => {
    const { host, state, running, queues, free } = found;
    const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
    return [
      `${host}: ${state}, ${running} experiments run`,
      `queues: ${queues.join(', ') || 'none'}`,
      `free: ${free.cpus} CPUs, ${gib(free.ram)} of memory, ${gib(free.hdd)} of disk, ${free.gpus} GPU slots`,
      '',
    ].join('\n');
  });
  return ExitCode.done;
}
