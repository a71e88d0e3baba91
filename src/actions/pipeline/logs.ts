import { configError, DatamillError } from '../../errors.ts';
import type { Api } from '../../kube/client.ts';
import { text } from '../../kube/fields.ts';
import { LogCursor } from '../../kube/log-cursor.ts';
import { LogFollower } from '../../kube/log-follow.ts';
import type { LogLine } from '../../kube/log-lines.ts';
import { mergeLogs } from '../../kube/log-merge.ts';
import { hasNoLog, isNodeTalk, readLog } from '../../kube/logs.ts';
import { list } from '../../kube/objects.ts';
import { PodBook } from '../../kube/pod-book.ts';
import type { KubeObject } from '../../kube/types.ts';
import { watch } from '../../kube/watch.ts';
import { isOver } from '../../pipeline/index.ts';
import { pause } from '../../util/abort.ts';
import { openPipelineSession, pipelineOptions, type RunPipelineOptions } from './session.ts';
import { workflowNamespace } from './target.ts';
import { WORKFLOW_LABEL } from './watch.ts';
import { ARGO, findWorkflow } from './workflows.ts';

/** Annotation in which a pod says whose task it runs. */
const TASK = 'datamill.io/task';

/** Milliseconds in which what was written last is read, after a workflow is over. */
const REST = 10_000;

/** A line that a task has written. */
export interface TaskLine {
  task: string;
  pod: string;
  /** RFC 3339, as the node wrote it. */
  time: string;
  line: string;
}

export interface PipelineLogsOptions extends RunPipelineOptions {
  /** Of the newest workflow of the project when absent. */
  workflow?: string;
  /** Of all tasks when empty. */
  logsOf: readonly string[];
  /** Until the workflow is over. */
  follow?: boolean;
  /** Lines of each task, from the end. */
  tail?: number;
  onLines(lines: TaskLine[]): Promise<void>;
  onNotice(message: string): void;
}

interface Source {
  task: string;
  namespace: string;
  pod: string;
  container: 'main';
}

/**
 * Reads what the tasks of a workflow have written, in the order in which they wrote it.
 *
 * @throws {DatamillError} NO_WORKFLOW; NO_PODS; NO_SUCH_TASK (exit 2).
 */
export async function pipelineLogs(options: PipelineLogsOptions): Promise<void> {
  const session = await openPipelineSession(options);
  try {
    const { namespace, slug } = await workflowNamespace(pipelineOptions(options, session), options.workflow);
    const workflow = await findWorkflow(session.api, namespace, { name: options.workflow, slug });
    if (options.follow && !isOver(text(workflow.status?.phase)))
      await new Follower(session.api, workflow, options).run();
    else await readAll(session.api, workflow, options);
  } finally {
    session.close();
  }
}

function sourcesOf(pods: readonly KubeObject[], wanted: readonly string[]): Source[] {
  return pods.flatMap(({ metadata }) => {
    const task = taskOf(metadata.annotations?.[TASK] ?? '');
    if (task === '' || (wanted.length > 0 && !wanted.includes(task))) return [];
    return [{ task, namespace: metadata.namespace!, pod: metadata.name, container: 'main' as const }];
  });
}

/** Names that Argo must not see go in another form. */
function taskOf(annotation: string): string {
  if (!annotation.startsWith('base64:')) return annotation;
  return Buffer.from(annotation.slice('base64:'.length), 'base64').toString('utf8');
}

const toLine = ({ task, pod }: Source, { time, text: line }: LogLine): TaskLine => ({
  task,
  pod,
  time: time ?? '',
  line,
});

async function readAll(
  api: Api,
  { metadata: { name, namespace } }: KubeObject,
  { logsOf, tail, signal, onLines, onNotice }: PipelineLogsOptions,
): Promise<void> {
  const labels = `${WORKFLOW_LABEL}=${name}`;
  const pods = await list(api, { apiVersion: 'v1', kind: 'Pod', namespace }, { labels });
  if (pods.length === 0)
    throw new DatamillError('NO_PODS', `${name} has no pods (any more)`, {
      hint: 'podGC removes them when they are over; --follow reads while they run',
    });
  const sources = sourcesOf(pods, logsOf);
  const missing = logsOf.find((task) => !sources.some((source) => source.task === task));
  if (missing !== undefined) {
    const known = [...new Set(sourcesOf(pods, []).map(({ task }) => task))].sort();
    throw configError('NO_SUCH_TASK', `${name} has no pod for the task "${missing}"`, {
      hint: `there are pods for ${known.join(', ')}`,
    });
  }
  async function* lines(source: Source): AsyncGenerator<LogLine[]> {
    try {
      for await (const some of readLog(api, source, { tail }, signal)) {
        const said = some.filter((line) => !isNodeTalk(line));
        if (said.length > 0) yield said;
      }
    } catch (error) {
      if (!hasNoLog(error)) throw error;
      onNotice(`${source.task} has not started`);
    }
  }
  for await (const batch of mergeLogs(sources.map((source) => ({ source, lines: lines(source) }))))
    await onLines(batch.map(({ source, line }) => toLine(source, line)));
}

/** Reads the logs of pods as they come, until the workflow is over and all of it was read. */
class Follower {
  readonly #api: Api;
  readonly #workflow: KubeObject;
  readonly #options: PipelineLogsOptions;
  readonly #book = new PodBook();
  readonly #running = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();
  #failure: unknown;

  constructor(api: Api, workflow: KubeObject, options: PipelineLogsOptions) {
    this.#api = api;
    this.#workflow = workflow;
    this.#options = options;
  }

  async run(): Promise<void> {
    const { namespace, name } = this.#workflow.metadata;
    const given = this.#options.signal === undefined ? [] : [this.#options.signal];
    const over = new AbortController();
    const signal = AbortSignal.any([this.#stop.signal, over.signal, ...given]);
    const mine = (pod: KubeObject) => pod.metadata.labels?.[WORKFLOW_LABEL] === name;
    const all = AbortSignal.any([this.#stop.signal, ...given]);
    const pods = watch(
      this.#api,
      { apiVersion: 'v1', kind: 'Pod', namespace: namespace! },
      {
        onList: (all) => {
          this.#book.replace(all.filter(mine));
          for (const pod of all) if (mine(pod)) this.#follow(pod);
        },
        onChange: (pod) => {
          if (!mine(pod)) return;
          this.#book.set(pod);
          this.#follow(pod);
        },
        onDelete: (pod) => this.#book.delete(pod),
      },
      all,
    );
    const end = ({ metadata, status }: KubeObject) => {
      if (metadata.name === name && isOver(text(status?.phase))) over.abort();
    };
    const workflows = watch(
      this.#api,
      { apiVersion: ARGO, kind: 'Workflow', namespace: namespace! },
      {
        onList: (all) =>
          all.some(({ metadata }) => metadata.name === name) ? all.forEach(end) : over.abort(),
        onChange: end,
        onDelete: ({ metadata }) => metadata.name === name && over.abort(),
      },
      signal,
    );
    await Promise.race([pods, workflows]);
    await Promise.race([Promise.all(this.#running.values()), pause(REST, all).catch(() => undefined)]);
    this.#stop.abort();
    await Promise.all([pods, workflows, ...this.#running.values()]);
    if (this.#failure !== undefined) throw this.#failure;
  }

  #follow(pod: KubeObject): void {
    for (const source of sourcesOf([pod], this.#options.logsOf))
      if (!this.#running.has(source.pod)) this.#running.set(source.pod, this.#followOne(source));
  }

  async #followOne(source: Source): Promise<void> {
    const { tail, signal, onLines, onNotice } = this.#options;
    const ended = new AbortController();
    const signals = [this.#stop.signal, ended.signal, ...(signal === undefined ? [] : [signal])];
    // A pod of a task runs once: when its container has ended, all is read.
    const follower = new LogFollower(this.#api, source, this.#book, new LogCursor(), {
      query: { tail },
      signal: AbortSignal.any(signals),
      onLines: (lines) => onLines(lines.map((line) => toLine(source, line))),
      onNotice,
      onEnd: () => ended.abort(),
    });
    try {
      await follower.run();
    } catch (error) {
      this.#failure ??= error;
      this.#stop.abort();
    }
  }
}
