import { errorMessage } from '../../errors.ts';
import type { Api } from '../../kube/client.ts';
import { isFault, isStatus } from '../../kube/errors.ts';
import type { KubeObject } from '../../kube/types.ts';
import { pause } from '../../util/abort.ts';
import { limiter } from '../../util/limit.ts';
import type { NodeConfig } from '../config.ts';
import { DELIVERED, KILL, TERMINAL, TOLD, terminalOf } from '../job/labels.ts';
import type { Seen } from '../job/status.ts';
import type { Protocol } from '../protocol/contract.ts';
import type { Outcome, RunStatus, Tell } from '../types.ts';
import { collect } from './collect.ts';
import type { Run } from './runs.ts';
import { dropOutcome, keepOutcome, keptOutcome } from './store.ts';

/** Requests that change something, at once. */
const HANDS = 24;
const RETRY = 1000;

export interface ClerkParts {
  api: Api;
  config: NodeConfig;
  protocol: Protocol;
  tell: Tell;
  signal: AbortSignal;
}

/**
 * Writes down and tells what becomes of runs: for each run one thing after the other, each tried
 * until it is done, and what ends a run is kept in the cluster before the server is told.
 */
export class Clerk {
  readonly hands: <T>(task: () => Promise<T>) => Promise<T> = limiter(HANDS);
  readonly #parts: ClerkParts;

  constructor(parts: ClerkParts) {
    this.#parts = parts;
  }

  /** A status that others come after. */
  change(run: Run, status: RunStatus): void {
    const { protocol, tell } = this.#parts;
    run.told = status;
    this.#queue(run, async () => {
      await protocol.change(run.ref, status);
      tell({ type: 'run', run: run.ref.runId, status, message: '' });
    });
    if (status === 'active') this.#queue(run, () => this.#annotate(run, { [TOLD]: status }));
  }

  /** A run that has no Job, or none any more. */
  close(run: Run, status: RunStatus, log: string): void {
    run.over = true;
    this.#tellEnd(run, { status, result: Buffer.alloc(0), log, finishedAt: new Date().toISOString() }, false);
  }

  /** A run whose Job has ended, or is to be ended. */
  finish(run: Run, seen: Seen): void {
    run.over = true;
    const { api, config, protocol, signal } = this.#parts;
    let end: { outcome: Outcome; parts: number } | undefined;
    this.#queue(run, async () => {
      const layout = { jobName: run.jobName, outputFile: protocol.name === 'v4' ? 'output' : undefined };
      const outcome = end?.outcome ?? (await collect({ api, config, layout, signal }, seen));
      const size = outcome.result.length + outcome.log.length;
      end = { outcome, parts: size === 0 ? 0 : await keepOutcome(this.#place(run), outcome) };
      const { status, finishedAt } = outcome;
      const deadline = seen.lingers ? { activeDeadlineSeconds: 1 } : undefined;
      const terminal = { status, finishedAt, parts: end.parts };
      await this.#annotate(run, { [TERMINAL]: JSON.stringify(terminal) }, deadline);
      this.#deliver(run, outcome, end.parts, false);
    });
  }

  /** A run whose end was kept by an earlier process, which may or may not have told it. */
  resume(run: Run): void {
    run.over = true;
    const terminal = terminalOf(run.job!)!;
    this.#queue(run, async () => {
      const lost = { ...terminal, result: Buffer.alloc(0), log: 'what it left is gone' };
      const outcome =
        terminal.parts === 0 ? { ...lost, log: '' } : await keptOutcome(this.#place(run), terminal);
      this.#deliver(run, outcome ?? lost, terminal.parts, true);
    });
  }

  /** Notes that somebody wants the run to end: a node that dies now goes on with it. */
  async noteKill(run: Run): Promise<void> {
    if (run.job !== undefined) await this.#annotate(run, { [KILL]: new Date().toISOString() });
  }

  #deliver(run: Run, outcome: Outcome, parts: number, again: boolean): void {
    this.#tellEnd(run, outcome, again);
    this.#queue(run, async () => {
      // From now on the cluster removes it by itself.
      const ttl = { ttlSecondsAfterFinished: this.#parts.config.jobs.retention_seconds };
      await this.#annotate(run, { [DELIVERED]: new Date().toISOString() }, ttl);
      await dropOutcome(this.#place(run), parts);
    });
  }

  #tellEnd(run: Run, outcome: Outcome, again: boolean): void {
    const { protocol, tell } = this.#parts;
    let sent = again;
    this.#queue(run, async () => {
      const before = sent;
      sent = true;
      await protocol.finish(run.ref, outcome, before);
      const { status, result, log } = outcome;
      const { runId, taskId: task, parentId: parent } = run.ref;
      const [first = ''] = log.split('\n');
      tell({ type: 'run', run: runId, status, message: status === 'completed' ? '' : first });
      const data = Buffer.from(result).toString('utf8');
      tell({ type: 'result', run: runId, task, parent, status, data, logs: log });
    });
  }

  #place(run: Run) {
    return { api: this.#parts.api, job: run.job!, node: this.#parts.config.name, runId: run.ref.runId };
  }

  async #annotate(
    run: Run,
    annotations: Record<string, string>,
    spec?: Record<string, unknown>,
  ): Promise<void> {
    const { api, signal } = this.#parts;
    const body = { metadata: { annotations }, ...(spec === undefined ? {} : { spec }) };
    const contentType = 'application/merge-patch+json';
    try {
      await this.hands(() => api.request('PATCH', jobPath(run.job!), { body, contentType, signal }));
    } catch (error) {
      // Somebody deleted it: there is nothing left to be noted.
      if (!isStatus(error, 404)) throw error;
    }
  }

  #queue(run: Run, work: () => Promise<void>): void {
    const { signal, tell } = this.#parts;
    run.tail = run.tail.then(async () => {
      while (!signal.aborted) {
        try {
          return await work();
        } catch (error) {
          if (signal.aborted) return;
          if (!isFault(error)) {
            const message = `run ${run.ref.runId}: ${errorMessage(error)} (it is tried again)`;
            tell({ type: 'warning', message });
          }
          await pause(RETRY, signal).catch(() => undefined);
        }
      }
    });
  }
}

export function jobPath({ metadata }: KubeObject): string {
  return `/apis/batch/v1/namespaces/${metadata.namespace}/jobs/${metadata.name}`;
}
