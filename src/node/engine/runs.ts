import type { KubeObject } from '../../kube/types.ts';
import { jobOfPod, NODE, RUN, refOfJob } from '../job/labels.ts';
import type { RunRef, RunStatus } from '../types.ts';

/** A run that this node knows. */
export interface Run {
  ref: RunRef;
  jobName: string;
  job?: KubeObject;
  /** The last status that the server was told. */
  told?: RunStatus;
  /** Nothing more is to be learned about it: its end is being told, or was. */
  over: boolean;
  /** Somebody wants it to end. */
  killed: boolean;
  /** Its objects are being made: the watch sees them before we know that they are. */
  starting: boolean;
  /** What is told, one after the other. */
  tail: Promise<void>;
}

/** Jobs and pods of a node as watches tell them. */
export class RunBook {
  readonly runs = new Map<number, Run>();
  readonly #pods = new Map<string, Map<string, KubeObject>>();
  readonly #node: string;

  constructor(node: string) {
    this.#node = node;
  }

  add(ref: RunRef, jobName: string): Run {
    const run: Run = { ref, jobName, over: false, killed: false, starting: false, tail: Promise.resolve() };
    this.runs.set(ref.runId, run);
    return run;
  }

  /** The run of a Job; made when it is one of this node that was not known. */
  seeJob(job: KubeObject): Run | undefined {
    const ref = refOfJob(job, this.#node);
    if (ref === undefined) return undefined;
    const run = this.runs.get(ref.runId) ?? this.add(ref, job.metadata.name);
    run.job = { ...job, apiVersion: 'batch/v1', kind: 'Job' };
    return run;
  }

  /** The run that a pod belongs to. */
  seePod(pod: KubeObject, there = true): Run | undefined {
    const job = jobOfPod(pod);
    if (job === undefined || pod.metadata.labels?.[NODE] !== this.#node) return undefined;
    const pods = this.#pods.get(job) ?? new Map<string, KubeObject>();
    if (there) pods.set(pod.metadata.name, pod);
    else pods.delete(pod.metadata.name);
    if (pods.size > 0) this.#pods.set(job, pods);
    else this.#pods.delete(job);
    return this.runs.get(Number(pod.metadata.labels?.[RUN]));
  }

  /** After a list: pods that are not in it are gone. */
  replacePods(pods: readonly KubeObject[]): void {
    this.#pods.clear();
    for (const pod of pods) this.seePod(pod);
  }

  podsOf({ jobName }: Run): KubeObject[] {
    return [...(this.#pods.get(jobName)?.values() ?? [])];
  }
}
