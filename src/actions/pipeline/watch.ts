import { DatamillError } from '../../errors.ts';
import type { Api } from '../../kube/client.ts';
import { readLog } from '../../kube/logs.ts';
import { list } from '../../kube/objects.ts';
import type { KubeObject } from '../../kube/types.ts';
import { watch } from '../../kube/watch.ts';
import { isOver, type TaskProgress, type WorkflowProgress, workflowProgress } from '../../pipeline/index.ts';
import { throwIfAborted } from '../../util/abort.ts';
import type { PipelineSummaryEvent, Reporter } from '../events.ts';
import { openPipelineSession, pipelineOptions, type RunPipelineOptions } from './session.ts';
import { workflowNamespace } from './target.ts';
import { ARGO, findWorkflow } from './workflows.ts';

/** Lines of a log that explain a failure. */
const TAIL = 10;
/** Label and annotation that Argo gives to the pods of a workflow. */
export const WORKFLOW_LABEL = 'workflows.argoproj.io/workflow';
const NODE_NAME = 'workflows.argoproj.io/node-id';
/** Milliseconds in which a controller takes up a workflow. */
const TAKEN_UP = 15_000;

export interface WatchOptions extends RunPipelineOptions {
  /** Name of the workflow; the newest of the project when absent. */
  workflow?: string;
}

/**
 * Follows a workflow until it is over, telling the state of each task.
 *
 * @returns the summary, which was told as the last event.
 * @throws {DatamillError} NO_WORKFLOW, WORKFLOW_GONE; the reason of the signal.
 */
export async function watchPipeline(options: WatchOptions): Promise<PipelineSummaryEvent> {
  const session = await openPipelineSession(options);
  try {
    const { namespace, slug } = await workflowNamespace(pipelineOptions(options, session), options.workflow);
    const found = await findWorkflow(session.api, namespace, { name: options.workflow, slug });
    return await follow(session.api, found, options);
  } finally {
    session.close();
  }
}

/** Follows a workflow that is known. */
export async function follow(
  api: Api,
  workflow: KubeObject,
  { report, signal }: { report: Reporter; signal?: AbortSignal },
): Promise<PipelineSummaryEvent> {
  const over = new AbortController();
  const signals = signal === undefined ? [] : [signal];
  const follower = new Follower(api, workflow, report, over);
  const timer = setTimeout(() => follower.tellIfIgnored(), TAKEN_UP);
  const ref = { apiVersion: ARGO, kind: 'Workflow', namespace: workflow.metadata.namespace! };
  const silence = () => report({ type: 'warning', message: 'the API server does not answer; trying again' });
  try {
    await watch(
      api,
      ref,
      {
        onList: (items) => follower.take(items, true),
        onChange: (object) => follower.take([object], false),
        onDelete: (object) => follower.gone(object),
        onSilence: silence,
      },
      AbortSignal.any([over.signal, ...signals]),
    );
  } finally {
    clearTimeout(timer);
  }
  if (signal?.aborted) report(follower.summary('interrupted'));
  throwIfAborted(signal);
  await follower.told;
  if (follower.error !== undefined) throw follower.error;
  const summary = follower.summary();
  report(summary);
  return summary;
}

class Follower {
  readonly #api: Api;
  readonly #workflow: KubeObject;
  readonly #report: Reporter;
  readonly #over: AbortController;
  readonly #since = Date.now();
  /** What was told of each task. */
  readonly #told = new Map<string, string>();
  readonly #tasks = new Map<string, TaskProgress>();
  #main: WorkflowProgress = { phase: '', message: '', tasks: [] };
  error: DatamillError | undefined;
  /** Settles when all was told. */
  told: Promise<void> = Promise.resolve();

  constructor(api: Api, workflow: KubeObject, report: Reporter, over: AbortController) {
    this.#api = api;
    this.#workflow = workflow;
    this.#report = report;
    this.#over = over;
  }

  take(objects: readonly KubeObject[], all: boolean): void {
    const { uid, name } = this.#workflow.metadata;
    const main = objects.find(({ metadata }) => metadata.name === name && metadata.uid === uid);
    if (all && main === undefined) {
      this.gone(this.#workflow);
      return;
    }
    // Large pipelines start a workflow for each of their parts.
    const parts = objects.filter(({ metadata }) =>
      (metadata.ownerReferences ?? []).some((owner) => owner.uid === uid),
    );
    for (const object of main === undefined ? parts : [...parts, main])
      for (const task of workflowProgress(object).tasks) this.#tell(task, object.metadata.name);
    if (main === undefined) return;
    this.#main = workflowProgress(main);
    if (isOver(this.#main.phase)) this.#over.abort();
  }

  gone({ metadata }: KubeObject): void {
    if (metadata.uid !== this.#workflow.metadata.uid) return;
    this.error = new DatamillError(
      'WORKFLOW_GONE',
      `workflow ${metadata.name} was deleted while it was watched`,
    );
    this.#over.abort();
  }

  tellIfIgnored(): void {
    if (this.#main.phase !== '') return;
    const message = `no controller of Argo has taken up ${this.#workflow.metadata.name} yet: does it run, and does it look after this namespace?`;
    this.#report({ type: 'warning', message });
  }

  summary(result?: 'interrupted'): PipelineSummaryEvent {
    const count = (state: TaskProgress['state']) =>
      [...this.#tasks.values()].filter((task) => task.state === state).length;
    const { phase } = this.#main;
    return {
      type: 'summary',
      result: result ?? (phase === 'Succeeded' ? 'ok' : 'failed'),
      workflow: this.#workflow.metadata.name,
      phase,
      tasks: this.#tasks.size,
      succeeded: count('done'),
      failed: count('failed'),
      omitted: count('skipped'),
      seconds: Math.round((Date.now() - this.#since) / 100) / 10,
    };
  }

  #tell(task: TaskProgress, workflow: string): void {
    const { name, state, message, attempts, started, ended } = task;
    this.#tasks.set(name, task);
    const said = JSON.stringify([state, message, attempts]);
    if (this.#told.get(name) === said) return;
    this.#told.set(name, said);
    const until = ended ?? Date.now();
    const seconds =
      started === undefined || state === 'waiting' || state === 'skipped'
        ? undefined
        : Math.max(0, (until - started) / 1000);
    const event = { type: 'step' as const, component: name, phase: 'run' as const, state, seconds };
    if (state !== 'failed') {
      this.#report({ ...event, message });
      return;
    }
    const explained = this.#explain(task, workflow).then((log) =>
      this.#report({ ...event, message: message + log }),
    );
    this.told = Promise.all([this.told, explained]).then(() => undefined);
  }

  /** The last lines that a failed task has written. */
  async #explain({ node }: TaskProgress, workflow: string): Promise<string> {
    const { namespace } = this.#workflow.metadata;
    try {
      const labels = `${WORKFLOW_LABEL}=${workflow}`;
      const pods = await list(this.#api, { apiVersion: 'v1', kind: 'Pod', namespace }, { labels });
      const pod = pods.find(({ metadata }) => metadata.annotations?.[NODE_NAME] === node);
      if (pod === undefined) return '';
      const ref = { namespace: namespace!, pod: pod.metadata.name, container: 'main' };
      const lines: string[] = [];
      for await (const some of readLog(this.#api, ref, { tail: TAIL }))
        lines.push(...some.map(({ text }) => text));
      return lines.map((line) => `\n${line}`).join('');
    } catch {
      // What is known is told, also where the log cannot be read.
      return '';
    }
  }
}
