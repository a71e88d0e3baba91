import { diagnoseClaim } from './diagnose/claims.ts';
import { EventLog } from './diagnose/events.ts';
import { type Case, type Finding, fatal, pending, type Snapshot } from './diagnose/finding.ts';
import { diagnosePod } from './diagnose/pods.ts';
import { isOutdated } from './diagnose/rollout.ts';
import { diagnoseWorkload } from './diagnose/workloads.ts';
import { groupKind, objectLabel } from './fields.ts';
import { readiness } from './ready.ts';
import type { KubeObject } from './types.ts';

export type { Finding, Snapshot } from './diagnose/finding.ts';
export { summaryLine } from './diagnose/summary.ts';

/**
 * Says what keeps a release from being ready, the worst first. Never throws: what may not be
 * listed is done without. A finding with `healing: false` is a reason to stop waiting.
 *
 * @param now the time that ages are measured against; the clock of this machine by default
 */
export function diagnose(snapshot: Snapshot, now: Date = new Date()): Finding[] {
  const at: Case = { snapshot, events: new EventLog(snapshot.events, snapshot.since), now: now.getTime() };
  const own = snapshot.objects;
  const pods = merged(
    own.filter((one) => groupKind(one) === 'Pod'),
    snapshot.pods,
  );
  const claims = merged(
    own.filter((one) => groupKind(one) === 'PersistentVolumeClaim'),
    snapshot.claims,
  );
  const workloads = merged(own, snapshot.jobs);
  const sizes = workloadSizes(pods);
  const findings = [
    ...pods.flatMap((pod) => {
      const found = diagnosePod(pod, at).map((finding) => ofWorkload(finding, pod, sizes));
      return isOutdated(pod, workloads) ? found.map(asPending) : found;
    }),
    ...claims.flatMap((claim) => diagnoseClaim(claim, at) ?? []),
    ...workloads.flatMap((object) => diagnoseWorkload(object, at)),
  ];
  const told = new Set(findings.flatMap((finding) => [finding.object, finding.workload?.name ?? '']));
  const rest = merged(own, snapshot.jobs).flatMap((object) => unready(object, told));
  return [...findings, ...rest].sort(byWeight);
}

function asPending(finding: Finding): Finding {
  return { ...finding, severity: 'pending', healing: true };
}

/** Objects that are not ready, and that nothing better was said about. */
function unready(object: KubeObject, told: Set<string>): Finding[] {
  const kind = groupKind(object);
  if (kind === 'Pod' || kind === 'PersistentVolumeClaim') return [];
  const label = objectLabel(object);
  const keepsPods = /^(apps\/|batch\/Job)/.test(kind);
  if (told.has(label) || (keepsPods && told.has(object.metadata.name))) return [];
  const { ready, failed, message } = readiness(object);
  if (ready) return [];
  // A custom resource that says it is stalled may be taken up again by its operator.
  const lost = failed === true && kind.startsWith('apiextensions.k8s.io/');
  return [lost ? fatal(label, 'Failed', message) : pending(label, 'NotReady', message)];
}

function merged(first: KubeObject[], second: KubeObject[]): KubeObject[] {
  const seen = new Map<string, KubeObject>();
  for (const object of [...second, ...first]) {
    const key = `${groupKind(object)} ${object.metadata.namespace ?? ''} ${object.metadata.name}`;
    if (!seen.has(key)) seen.set(key, object);
  }
  return [...seen.values()];
}

/** The name of what keeps the pod: of a ReplicaSet's pod, the Deployment's. */
export function workloadOf(pod: KubeObject): string | undefined {
  const owner = (pod.metadata.ownerReferences ?? []).find((one) => one.controller === true);
  const hash = pod.metadata.labels?.['pod-template-hash'];
  if (owner?.kind === 'ReplicaSet' && hash !== undefined && owner.name.endsWith(`-${hash}`)) {
    return owner.name.slice(0, -hash.length - 1);
  }
  return owner?.name;
}

function workloadSizes(pods: KubeObject[]): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const pod of pods) {
    const name = workloadOf(pod);
    if (name === undefined || pod.metadata.deletionTimestamp !== undefined) continue;
    sizes.set(name, (sizes.get(name) ?? 0) + 1);
  }
  return sizes;
}

function ofWorkload(finding: Finding, pod: KubeObject, sizes: Map<string, number>): Finding {
  const name = workloadOf(pod);
  return name === undefined ? finding : { ...finding, workload: { name, pods: sizes.get(name) ?? 1 } };
}

/** Causes before consequences: a deadline passes because of a pod, never the other way round. */
function byWeight(a: Finding, b: Finding): number {
  return (
    weight(b) - weight(a) ||
    a.object.localeCompare(b.object) ||
    (a.container ?? '').localeCompare(b.container ?? '')
  );
}

function weight(finding: Finding): number {
  const consequence = ['ProgressDeadlineExceeded', 'BackoffLimitExceeded', 'DeadlineExceeded', 'NotReady'];
  const base = finding.severity === 'error' ? (finding.healing ? 20 : 40) : 0;
  return base + (consequence.includes(finding.reason) ? 0 : 10) + (finding.wantLogs ? 2 : 0);
}
