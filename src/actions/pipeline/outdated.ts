import { setTimeout as sleep } from 'node:timers/promises';
import { creationError, deletePod, readPod } from '../../debug/index.ts';
import { DatamillError } from '../../errors.ts';
import { fields, text } from '../../kube/fields.ts';
import { readLog } from '../../kube/logs.ts';
import { create } from '../../kube/objects.ts';
import type { KubeObject } from '../../kube/types.ts';
import { type ExportOptions, statusPod } from '../../pipeline/index.ts';
import { throwIfAborted } from '../../util/abort.ts';
import type { Reporter } from '../events.ts';
import type { Session } from '../session.ts';
import { diskPod } from './disk.ts';
import type { Upload } from './upload.ts';

const MARK = '--datamill-outdated--';
const LOOK_EVERY = 500;

/**
 * Asks Ploomber, in a pod that sees the shared disk, which tasks are outdated. The pod makes the
 * environment where it is not there yet.
 *
 * @throws {DatamillError} STATUS_FAILED with what the pod has written.
 */
export async function outdatedTasks(
  { api, identity }: Session,
  { project, checked }: Upload,
  options: ExportOptions & { report: Reporter; signal?: AbortSignal },
): Promise<Set<string>> {
  const { signal, report } = options;
  const { settings, slug } = checked;
  const tell = (message: string) => report({ type: 'step', phase: 'plan', state: 'running', message });
  const pod = diskPod(settings, await statusPod(project, options, MARK), { identity, slug, verb: 'status' });
  const at = { namespace: settings.namespace, name: pod.metadata.name };
  tell('asking which tasks are outdated');
  try {
    await create(api, pod).catch((error) => {
      throw creationError(error, at.namespace);
    });
    const ended = await untilEnded(() => readPod(api, at), tell, signal);
    const lines = await logOf(api, at);
    const [from, to] = [lines.indexOf(MARK), lines.lastIndexOf(MARK)];
    if (text(ended?.status?.phase) !== 'Succeeded' || from === -1 || from === to)
      throw failed(at.name, lines);
    const names = lines.slice(from + 1, to).map((line) => JSON.parse(line) as string);
    report({
      type: 'step',
      phase: 'plan',
      state: 'done',
      message: `${names.length} of ${project.tasks.length} tasks are outdated`,
    });
    return new Set(names);
  } finally {
    await deletePod(api, at, 10_000).catch(() => undefined);
  }
}

async function untilEnded(
  read: () => Promise<KubeObject | undefined>,
  tell: (message: string) => void,
  signal: AbortSignal | undefined,
): Promise<KubeObject | undefined> {
  for (;;) {
    throwIfAborted(signal);
    const pod = await read();
    const phase = text(pod?.status?.phase);
    if (pod === undefined || ['Succeeded', 'Failed'].includes(phase)) return pod;
    const [status] = (pod.status?.containerStatuses ?? []) as Array<Record<string, unknown>>;
    const { reason, message } = fields(fields(status?.state).waiting);
    if (
      /^(ErrImageNeverPull|InvalidImageName|CreateContainer|ErrImagePull|ImagePullBackOff)/.test(text(reason))
    )
      throw new DatamillError('POD_FAILED', `the pod does not run: ${text(reason)}: ${text(message)}`, {
        hint: 'name an image that the cluster can pull with --image',
      });
    tell(
      phase === 'Running' ? 'asking which tasks are outdated' : `the pod is starting ${text(reason)}`.trim(),
    );
    await sleep(LOOK_EVERY);
  }
}

async function logOf(
  api: Session['api'],
  { namespace, name }: { namespace: string; name: string },
): Promise<string[]> {
  const lines: string[] = [];
  for await (const some of readLog(api, { namespace, pod: name, container: 'main' }, {}))
    lines.push(...some.map((line) => line.text));
  return lines;
}

function failed(pod: string, lines: string[]): DatamillError {
  const said = lines
    .slice(-10)
    .map((line) => `\n  ${line}`)
    .join('');
  return new DatamillError(
    'STATUS_FAILED',
    `pod ${pod} could not find out which tasks are outdated:${said}`,
    {
      hint: '--mode regular starts a pod for each task, which finds out for itself',
    },
  );
}
