import { configError, DatamillError } from '../errors.ts';
import type { LogLine } from '../kube/log-lines.ts';
import { mergeLogs } from '../kube/log-merge.ts';
import { hasNoLog, isNodeTalk, type LogQuery, readLog } from '../kube/logs.ts';
import { containerState } from '../kube/pod-book.ts';
import { followAll } from './log-follow.ts';
import { type LogsOptions, noSuchContainer, type Source, sourcesOf, toComponentLine } from './log-sources.ts';
import {
  type ComponentPod,
  type InstalledComponent,
  installedComponents,
  notInstalled,
  openReal,
  podsOfComponents,
} from './pods.ts';
import type { Session } from './session.ts';

/**
 * Reads the logs of all pods of a component, or of all components of the flavour.
 *
 * @throws {DatamillError} SIMULATED (exit 3), NOT_INSTALLED, NO_PODS, NO_SUCH_CONTAINER.
 */
export async function logs(options: LogsOptions): Promise<void> {
  const { component, signal } = options;
  if (options.follow && options.previous) {
    throw configError('FLAGS', '--previous reads what is over, so there is nothing to follow', {
      hint: 'leave out --previous or --follow',
    });
  }
  const chosen = component === undefined ? {} : { components: [component], only: true };
  const session = await openReal({ ...options, ...chosen }, 'there are no logs');
  try {
    const installed = await installedComponents(session, signal);
    if (installed.length === 0) throw missing(session, component);
    if (options.follow) await followAll(session, installed, options);
    else await readAll(session, installed, options);
  } finally {
    session.close();
  }
}

function missing({ resolved }: Session, component: string | undefined): DatamillError {
  const one = component === undefined ? undefined : resolved.components[0];
  return notInstalled(
    component === undefined ? [] : [one?.name ?? component],
    one?.namespace ?? resolved.project.k8s_namespace,
  );
}

async function readAll(
  session: Session,
  installed: readonly InstalledComponent[],
  options: LogsOptions,
): Promise<void> {
  const pods = await podsOfComponents(session, installed, options.signal);
  const names = installed.map(({ name }) => name).join(', ');
  if (pods.length === 0) throw new DatamillError('NO_PODS', `${names}: there are no pods`);
  const sources = pods.flatMap((pod) => sourcesOf(pod, options.container));
  if (sources.length === 0) throw noSuchContainer(pods, options.container!);
  const silent: Source[] = [];
  const opened = sources.map((source) => ({
    source,
    lines: readOne(session, source, options, () => silent.push(source)),
  }));
  for await (const batch of mergeLogs(opened)) {
    await options.onLines(batch.map(({ source, line }) => toComponentLine(source, line)));
  }
  for (const source of silent) options.onNotice(silence(source, pods, options));
}

/** Containers that have not started have no log, and pods may go while their logs are read. */
async function* readOne(
  { api }: Session,
  source: Source,
  { since, tail, previous, signal }: LogsOptions,
  onSilence: () => void,
): AsyncGenerator<LogLine[]> {
  const query: LogQuery = { sinceSeconds: since, tail, previous };
  try {
    for await (const lines of readLog(api, source, query, signal)) {
      const said = lines.filter((line) => !isNodeTalk(line));
      if (said.length > 0) yield said;
    }
  } catch (error) {
    if (!hasNoLog(error)) throw error;
    onSilence();
  }
}

function silence(source: Source, pods: readonly ComponentPod[], { previous }: LogsOptions): string {
  const name = `${source.pod}/${source.container}`;
  const pod = pods.find(({ pod }) => pod.metadata.name === source.pod)?.pod;
  if (previous) return `${name} did not run before`;
  const started = pod !== undefined && containerState(pod, source.container).id !== undefined;
  return started ? `the log of ${name} is gone` : `${name} has not started`;
}
