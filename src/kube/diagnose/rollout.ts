import { condition, count, fields, millis, objectLabel, text } from '../fields.ts';
import type { KubeObject } from '../types.ts';
import { type Case, type Finding, fatal, pending } from './finding.ts';
import { diagnosePod } from './pods.ts';

/** The controller replaces a pod within seconds when it is going to. */
const replacingGrace = 10_000;

/**
 * A StatefulSet that was mended, but whose broken pod keeps it from being so: in order, the
 * controller waits for every pod to be ready before it replaces the next one, also for a pod of an
 * older revision that never will be (kubernetes/kubernetes#67250, "forced rollback" in its
 * documentation). Somebody has to delete that pod; while it may still become ready, that can wait.
 */
export function diagnoseRollout(set: KubeObject, at: Case): Finding | undefined {
  if (set.kind !== 'StatefulSet') return undefined;
  const { updateStrategy, podManagementPolicy, replicas } = fields(set.spec);
  if (text(fields(updateStrategy).type) === 'OnDelete' || text(podManagementPolicy) === 'Parallel')
    return undefined;
  const wanted = text(set.status?.updateRevision);
  if (wanted === '' || Number(set.status?.observedGeneration) < (set.metadata.generation ?? 0))
    return undefined;
  const partition = count(fields(fields(updateStrategy).rollingUpdate).partition);
  const blocking = at.snapshot.pods.find(
    (pod) =>
      isOf(pod, set) &&
      revisionOf(pod) !== wanted &&
      pod.metadata.deletionTimestamp === undefined &&
      ordinalOf(pod) >= partition &&
      ordinalOf(pod) < count(replicas, 1) &&
      notReadySince(pod, at) > replacingGrace,
  );
  if (blocking === undefined) return undefined;
  const { name, namespace = '' } = blocking.metadata;
  const lost = diagnosePod(blocking, at).some(({ healing }) => !healing);
  const judge = lost ? fatal : pending;
  return judge(
    objectLabel(set),
    'StuckRollout',
    `${name} of the earlier revision is not ready, and Kubernetes does not replace it before it is; ${lost ? 'delete' : 'should it stay so, delete'} it: kubectl -n ${namespace} delete pod ${name}`,
  );
}

/**
 * Whether a pod belongs to an earlier revision of a StatefulSet, or may do so as its controller has
 * not looked at the change: that it does not work says nothing about what is installed now.
 */
export function isOutdated(pod: KubeObject, sets: readonly KubeObject[]): boolean {
  return sets.some((set) => {
    if (set.kind !== 'StatefulSet' || !isOf(pod, set)) return false;
    if (text(fields(fields(set.spec).updateStrategy).type) === 'OnDelete') return false;
    if (Number(set.status?.observedGeneration) < (set.metadata.generation ?? 0)) return true;
    const wanted = text(set.status?.updateRevision);
    return wanted !== '' && revisionOf(pod) !== '' && revisionOf(pod) !== wanted;
  });
}

function isOf(pod: KubeObject, set: KubeObject): boolean {
  return (pod.metadata.ownerReferences ?? []).some(
    ({ kind, name }) => kind === 'StatefulSet' && name === set.metadata.name,
  );
}

function revisionOf(pod: KubeObject): string {
  return pod.metadata.labels?.['controller-revision-hash'] ?? '';
}

function ordinalOf({ metadata: { name } }: KubeObject): number {
  return Number(name.slice(name.lastIndexOf('-') + 1));
}

/** Milliseconds; 0 for a pod that is ready. */
function notReadySince(pod: KubeObject, at: Case): number {
  const ready = condition(pod, 'Ready');
  if (ready?.status === 'True') return 0;
  // A pod that the scheduler or the kubelet has not looked at is no older than its creation.
  const since = millis(ready?.lastTransitionTime) ?? millis(pod.metadata.creationTimestamp);
  return since === undefined ? 0 : at.now - since;
}
