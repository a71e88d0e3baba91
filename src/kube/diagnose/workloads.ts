import { condition, conditions, groupKind, objectLabel } from '../fields.ts';
import { readiness } from '../ready.ts';
import type { KubeObject } from '../types.ts';
import type { EventInfo } from './events.ts';
import { type Case, type Finding, fatal, pending } from './finding.ts';
import { diagnoseRollout } from './rollout.ts';

/** ReplicaSets, Jobs and the like make their pods before the service account's token is there. */
const accountGrace = 30_000;

/** What a workload says about itself: pods that may not be made, and deadlines that have passed. */
export function diagnoseWorkload(object: KubeObject, at: Case): Finding[] {
  if (object.metadata.deletionTimestamp !== undefined) return [];
  const kind = groupKind(object);
  if (kind === 'batch/Job') return diagnoseJob(object, at);
  if (!['apps/Deployment', 'apps/StatefulSet', 'apps/DaemonSet', 'apps/ReplicaSet'].includes(kind)) return [];
  if (readiness(object).ready) return [];
  const refused = refusedPods(object, at);
  const late = conditions(object).find((one) => one.reason === 'ProgressDeadlineExceeded');
  const found =
    late === undefined
      ? []
      : [fatal(objectLabel(object), late.reason, late.message || 'made no progress before its deadline')];
  const stuck = diagnoseRollout(object, at);
  return [refused, stuck].filter((one) => one !== undefined).concat(found);
}

function diagnoseJob(job: KubeObject, at: Case): Finding[] {
  const failed = conditions(job).find((one) => one.type === 'Failed' && one.status === 'True');
  if (failed !== undefined) {
    return [fatal(objectLabel(job), failed.reason || 'Failed', failed.message || 'the job failed')];
  }
  if (condition(job, 'Complete')?.status === 'True') return [];
  const refused = refusedPods(job, at);
  return refused === undefined ? [] : [refused];
}

/** A quota, pod security or an admission webhook does not let the pods come into being. */
function refusedPods(object: KubeObject, at: Case): Finding | undefined {
  const newest = at.events.of(object, 'FailedCreate', 'SuccessfulCreate')[0];
  const event = newest?.reason === 'FailedCreate' ? newest : replicaSetEvent(object, at);
  const failure = condition(object, 'ReplicaFailure');
  const message = failure?.status === 'True' ? failure.message : (event?.message ?? '');
  if (message === '') return undefined;
  const waited = event?.first === undefined ? undefined : at.now - event.first;
  const judge = isFinal(message, waited) ? fatal : pending;
  return judge(objectLabel(object), 'FailedCreate', message);
}

/** ReplicaSets are not in the snapshot: theirs are the events of the Deployment's name and a hash. */
function replicaSetEvent(object: KubeObject, at: Case): EventInfo | undefined {
  if (object.kind !== 'Deployment') return undefined;
  const { name, namespace = '' } = object.metadata;
  return at.events.where(
    (event) =>
      event.kind === 'ReplicaSet' &&
      event.reason === 'FailedCreate' &&
      (namespace === '' || event.namespace === '' || event.namespace === namespace) &&
      event.name.startsWith(`${name}-`) &&
      !event.name.slice(name.length + 1).includes('-'),
  )[0];
}

function isFinal(message: string, waited: number | undefined): boolean {
  if (message.includes('error looking up service account'))
    return waited !== undefined && waited > accountGrace;
  if (message.includes('failed calling webhook') || message.includes('being terminated')) return false;
  return /violates PodSecurity|exceeded quota|failed quota|is forbidden|denied the request|is invalid/.test(
    message,
  );
}
