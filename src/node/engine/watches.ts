import type { Api } from '../../kube/client.ts';
import type { KubeObject } from '../../kube/types.ts';
import { watch } from '../../kube/watch.ts';

export interface Eyes {
  /** All Jobs and pods are known; called once. */
  onReady(): void;
  onJob(job: KubeObject): void;
  onJobGone(job: KubeObject): void;
  /** All names, after a list. */
  onJobs(names: ReadonlySet<string>): void;
  onPods(pods: KubeObject[]): void;
  onPod(pod: KubeObject, there: boolean): void;
}

/** Follows the Jobs and pods of a namespace until the signal fires: two open answers, no polling. */
export async function follow(api: Api, namespace: string, eyes: Eyes, signal: AbortSignal): Promise<void> {
  const missing = new Set(['jobs', 'pods']);
  const listed = (what: string) => {
    if (missing.delete(what) && missing.size === 0) eyes.onReady();
  };
  const jobs = {
    onList: (all: KubeObject[]) => {
      for (const job of all) eyes.onJob(job);
      eyes.onJobs(new Set(all.map(({ metadata }) => metadata.name)));
      listed('jobs');
    },
    onChange: eyes.onJob,
    onDelete: eyes.onJobGone,
  };
  const pods = {
    onList: (all: KubeObject[]) => {
      eyes.onPods(all);
      listed('pods');
    },
    onChange: (pod: KubeObject) => eyes.onPod(pod, true),
    onDelete: (pod: KubeObject) => eyes.onPod(pod, false),
  };
  await Promise.all([
    watch(api, { apiVersion: 'batch/v1', kind: 'Job', namespace }, jobs, signal),
    watch(api, { apiVersion: 'v1', kind: 'Pod', namespace }, pods, signal),
  ]);
}
