import { errorMessage } from '../../errors.ts';
import type { Api } from '../../kube/client.ts';
import { create } from '../../kube/objects.ts';
import type { KubeObject } from '../../kube/types.ts';
import { pause } from '../../util/abort.ts';
import type { NodeConfig } from '../config.ts';
import { runPolicySpec } from '../isolation/network.ts';
import { isDelivered, isKilled, refOfJob, TOLD, terminalOf } from '../job/labels.ts';
import { filesSecret, type GateWords, runJob } from '../job/spec.ts';
import { judgeRun } from '../job/status.ts';
import { judge } from '../policies.ts';
import type { Handler, Layout, Protocol } from '../protocol/contract.ts';
import { isTerminal, type RunRequest, type RunStatus, type Tell } from '../types.ts';
import { Clerk, jobPath } from './clerk.ts';
import { type Run, RunBook } from './runs.ts';
import { ownedBy } from './store.ts';
import { follow } from './watches.ts';

/** What only time changes (an image that is still pulled) is looked at again after so long. */
const LOOK_AGAIN = 5000;

export interface NodeParts {
  api: Api;
  config: NodeConfig;
  protocol: Protocol;
  /** Undefined where it was accepted that nothing holds algorithms. */
  gate: GateWords | undefined;
  tell: Tell;
  signal: AbortSignal;
}

/**
 * Runs what a server asks for as Jobs and tells it how they end. The cluster is the only memory:
 * a node that is killed finds its runs again, and what it had not told.
 */
export class AlgorithmNode {
  readonly #parts: NodeParts;
  readonly #book: RunBook;
  readonly #clerk: Clerk;
  #ready = false;

  constructor(parts: NodeParts) {
    this.#parts = parts;
    this.#book = new RunBook(parts.config.name);
    this.#clerk = new Clerk(parts);
  }

  /** Works until the signal fires; what runs then goes on. */
  async run(): Promise<void> {
    const { api, config, protocol, signal, tell } = this.#parts;
    const over = new AbortController();
    const both = AbortSignal.any([signal, over.signal]);
    try {
      const { ready, watching } = this.#follow(api, config.jobs.namespace, both);
      await Promise.race([ready, watching]);
      this.#adopt();
      await Promise.race([protocol.start(this.#handler(), both), watching]);
      if (!signal.aborted) tell({ type: 'node', state: 'ready', message: 'waiting for runs' });
      await Promise.all([watching, this.#lookAgain(both)]);
    } finally {
      over.abort();
      protocol.close();
    }
  }

  #handler(): Handler {
    const { tell } = this.#parts;
    return {
      run: (request) => void this.#receive(request),
      kill: (ids) => this.#kill(ids),
      tell: (state, message) => tell({ type: 'node', state, message }),
      warn: (message) => tell({ type: 'warning', message }),
    };
  }

  #follow(api: Api, namespace: string, signal: AbortSignal) {
    let onReady = (): void => undefined;
    const ready = new Promise<void>((resolve) => {
      onReady = resolve;
    });
    const watching = follow(
      api,
      namespace,
      {
        onReady,
        onJob: (job) => this.#seeJob(job),
        onJobGone: (job) => this.#vanished(this.#book.seeJob(job)),
        onJobs: (names) => {
          for (const run of this.#book.runs.values())
            if (run.job !== undefined && !names.has(run.jobName)) this.#vanished(run);
        },
        onPods: (pods) => {
          this.#book.replacePods(pods);
          this.#lookAtAll();
        },
        onPod: (pod, there) => this.#look(this.#book.seePod(pod, there)),
      },
      signal,
    );
    return { ready, watching };
  }

  #seeJob(job: KubeObject): void {
    const run = this.#book.seeJob(job);
    if (run !== undefined && isKilled(job)) run.killed = true;
    // A Job that appears while we work was made by another process of this node: its memory is the Job.
    if (run !== undefined && this.#ready && run.told === undefined) this.#adoptRun(run);
    this.#look(run);
  }

  async #lookAgain(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pause(LOOK_AGAIN, signal).catch(() => undefined);
      this.#lookAtAll();
    }
  }

  /** Runs that an earlier process of this node began. */
  #adopt(): void {
    for (const run of this.#book.runs.values()) this.#adoptRun(run);
    this.#ready = true;
    this.#lookAtAll();
  }

  #adoptRun(run: Run): void {
    if (run.starting) return;
    const job = run.job!;
    run.told = (job.metadata.annotations?.[TOLD] as RunStatus | undefined) ?? 'initializing';
    if (isDelivered(job)) run.over = true;
    else if (terminalOf(job) !== undefined) this.#clerk.resume(run);
  }

  async #receive(request: RunRequest): Promise<void> {
    const { config, protocol, gate, tell } = this.#parts;
    const { runId } = request;
    if (this.#book.runs.has(runId)) return;
    const layout = protocol.layout(request);
    const run = this.#book.add(request, layout.jobName);
    run.starting = true;
    const known = new Set(config.databases.map(({ label }) => label));
    for (const label of request.databases.filter((one) => !known.has(one)))
      tell({ type: 'warning', message: `run ${runId} wants the database "${label}", which is not here` });
    const verdict = judge(request, config);
    if ('refused' in verdict) return this.#clerk.close(run, 'not allowed', verdict.refused);
    try {
      const job = runJob({ config, request, image: verdict.image, layout, gate });
      await this.#start(run, job, layout);
    } catch (error) {
      this.#clerk.close(run, 'start failed', errorMessage(error));
    } finally {
      run.starting = false;
      this.#look(run);
    }
  }

  /** Creates the Job, whose name is the lock, and what its pod waits for. */
  async #start(run: Run, job: KubeObject, layout: Layout): Promise<void> {
    const { api, config } = this.#parts;
    const { hands } = this.#clerk;
    if (run.killed) return this.#clerk.close(run, 'killed by user', 'it was killed before it started');
    const made = await hands(() => create(api, job));
    const there = made ?? (await api.get<KubeObject>(jobPath(job)));
    if (refOfJob(there, config.name) === undefined)
      throw new Error(`there is a Job ${layout.jobName} that is not of this node`);
    run.job = { ...there, apiVersion: 'batch/v1', kind: 'Job' };
    if (made === undefined) {
      run.starting = false;
      return this.#adoptRun(run);
    }
    this.#clerk.change(run, 'initializing');
    const owned = (name: string) => ownedBy(run.job!, config.name, run.ref.runId, name);
    await hands(() =>
      create(api, {
        ...owned(layout.jobName),
        apiVersion: 'networking.k8s.io/v1',
        kind: 'NetworkPolicy',
        spec: runPolicySpec(config, layout.jobName),
      }),
    );
    const files = Object.values(layout.files);
    if (files.length === 0) return;
    const entries = files.map((content, index) => [`file-${index}`, Buffer.from(content).toString('base64')]);
    const secret = { ...owned(filesSecret(layout)), apiVersion: 'v1', kind: 'Secret' };
    await hands(() => create(api, { ...secret, data: Object.fromEntries(entries) }));
  }

  #lookAtAll(): void {
    for (const run of this.#book.runs.values()) this.#look(run);
  }

  /** Tells what has changed since the last look. */
  #look(run: Run | undefined): void {
    if (run === undefined || !this.#ready || run.over || run.starting || run.job === undefined) return;
    const { jobs } = this.#parts.config;
    const patience = {
      pull: jobs.pull_seconds * 1000,
      start: jobs.start_seconds * 1000,
      retries: jobs.retries,
    };
    const seen = judgeRun(run.job, this.#book.podsOf(run), run.jobName, patience, Date.now());
    if (seen.began && run.told === 'initializing') this.#clerk.change(run, 'active');
    if (run.killed && !isTerminal(seen.status))
      this.#clerk.finish(run, { ...seen, status: 'killed by user', message: '', lingers: true });
    else if (isTerminal(seen.status)) this.#clerk.finish(run, seen);
  }

  #vanished(run: Run | undefined): void {
    if (run === undefined || run.over) return;
    this.#clerk.close(run, run.killed ? 'killed by user' : 'unknown error', 'its Job was deleted');
  }

  #kill(ids: readonly number[] | undefined): void {
    const { tell } = this.#parts;
    for (const id of ids ?? this.#book.runs.keys()) {
      const run = this.#book.runs.get(id);
      if (run === undefined)
        tell({ type: 'warning', message: `run ${id} is to be killed, and is not known here` });
      if (run === undefined || run.over || run.killed) continue;
      run.killed = true;
      this.#clerk
        .noteKill(run)
        .catch((error: unknown) => tell({ type: 'warning', message: errorMessage(error) }))
        .finally(() => this.#look(run));
    }
  }
}
