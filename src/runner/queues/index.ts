import { configError } from '../../errors.ts';
import type { QueueSettings } from '../settings.ts';
import type { TaskQueues } from './contract.ts';
import { FileQueues } from './files.ts';

/** Kinds of queues, by the beginning of their names. */
const KINDS: Array<{
  prefix: string;
  flag: string;
  open(settings: QueueSettings): Promise<TaskQueues | undefined>;
}> = [{ prefix: 'local_', flag: '--queue-root FOLDER', open: openFiles }];

async function openFiles({ queueRoot, dlqSuffix }: QueueSettings): Promise<TaskQueues | undefined> {
  return queueRoot === undefined ? undefined : new FileQueues({ root: queueRoot, deadSuffix: dlqSuffix });
}

/** All queues that the settings lead to. @throws {DatamillError} NO_QUEUES (exit 2) when there are none. */
export async function openQueues(settings: QueueSettings): Promise<TaskQueues[]> {
  const opened = await Promise.all(KINDS.map((kind) => kind.open(settings)));
  const queues = opened.filter((one) => one !== undefined);
  if (queues.length > 0) return queues;
  throw configError('NO_QUEUES', 'nothing says where the queues are', {
    hint: KINDS.map(({ prefix, flag }) => `${flag} for ${prefix}…`).join(', '),
  });
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
