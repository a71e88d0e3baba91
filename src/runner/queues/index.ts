import { configError } from '../../errors.ts';
import { milliseconds, type QueueSettings } from '../settings.ts';
import type { TaskQueues } from './contract.ts';
import { FileQueues } from './files.ts';

/** Kinds of queues, by the beginning of their names. */
const KINDS: Array<{
  prefix: string;
  flag: string;
  open(settings: QueueSettings): Promise<TaskQueues | undefined>;
}> = [
  { prefix: 'rmq_', flag: '--amqp-url URL', open: openRabbit },
  { prefix: 'local_', flag: '--queue-root FOLDER', open: openFiles },
];

async function openRabbit({
  amqpUrl,
  amqpMgtUrl,
  dlqSuffix,
  custodyAfter,
}: QueueSettings): Promise<TaskQueues | undefined> {
  if (!amqpUrl) return undefined;
  const { RabbitQueues } = await import('./rabbit.ts');
  const custody = milliseconds('--custody-after', custodyAfter);
  return new RabbitQueues({
    url: amqpUrl,
    managementUrl: amqpMgtUrl || undefined,
    deadSuffix: dlqSuffix,
    custody,
  });
}

async function openFiles({ queueRoot, dlqSuffix }: QueueSettings): Promise<TaskQueues | undefined> {
  return !queueRoot ? undefined : new FileQueues({ root: queueRoot, deadSuffix: dlqSuffix });
}

/** As in the reference. */
const DEFAULT_URL = 'amqp://guest:guest@localhost:5672/';

/** All queues that the settings lead to; the broker of this machine when they lead to none. */
export async function openQueues(settings: QueueSettings): Promise<TaskQueues[]> {
  const opened = await Promise.all(KINDS.map((kind) => kind.open(settings)));
  const queues = opened.filter((one) => one !== undefined);
  return queues.length > 0 ? queues : [(await openRabbit({ ...settings, amqpUrl: DEFAULT_URL }))!];
}

/** The place of a queue, by its name. @throws {DatamillError} QUEUE_NAME, NO_QUEUES (exit 2). */
export async function openQueue(name: string, settings: QueueSettings): Promise<TaskQueues> {
  const kind = KINDS.find(({ prefix }) => name.startsWith(prefix));
  if (kind === undefined)
    throw configError('QUEUE_NAME', `"${name}" is no name of a queue`, {
      hint: `names begin with ${KINDS.map(({ prefix }) => prefix).join(', ')}`,
    });
  const opened = await kind.open(settings);
  if (opened === undefined)
    throw configError('NO_QUEUES', `nothing says where the queue ${name} is`, { hint: `give ${kind.flag}` });
  return opened;
}
