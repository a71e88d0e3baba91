import { condition, millis, objectLabel, text } from '../fields.ts';
import type { KubeObject } from '../types.ts';
import { diagnoseContainers } from './containers.ts';
import type { EventInfo } from './events.ts';
import { type Case, type Finding, fatal, pending } from './finding.ts';
import { diagnoseScheduling } from './scheduling.ts';

const mountGrace = 30_000;

/** What keeps a pod from being ready; nothing when it is, is completed, or is being deleted. */
export function diagnosePod(pod: KubeObject, at: Case): Finding[] {
  const phase = text(pod.status?.phase);
  if (pod.metadata.deletionTimestamp !== undefined || phase === 'Succeeded') return [];
  if (condition(pod, 'Ready')?.status === 'True') return [];
  const unplaced = diagnoseScheduling(pod, at);
  if (unplaced !== undefined) return [unplaced];
  const containers = diagnoseContainers(pod, at);
  if (phase === 'Failed') return failedPod(pod, containers);
  if (containers.length > 0) return containers;
  return [diagnoseMount(pod, at) ?? starting(pod, at)];
}

/** A controller replaces failed pods; a pod on its own stays as it is. */
function failedPod(pod: KubeObject, containers: Finding[]): Finding[] {
  const owned = (pod.metadata.ownerReferences ?? []).some((owner) => owner.controller === true);
  const why = text(pod.status?.message) || 'the pod failed';
  const found =
    containers.length > 0
      ? containers
      : [pending(objectLabel(pod), text(pod.status?.reason) || 'Failed', why)];
  return found.map((finding) => ({
    ...finding,
    severity: owned ? 'pending' : 'error',
    healing: owned,
  }));
}

function diagnoseMount(pod: KubeObject, at: Case): Finding | undefined {
  const events = at.events.of(pod, 'FailedMount', 'FailedAttachVolume', 'FailedMapVolume');
  const event = events.find((one) => one.message.includes('not found')) ?? events[0];
  if (event === undefined) return undefined;
  const object = objectLabel(pod);
  const late = event.first !== undefined && at.now - event.first > mountGrace;
  // Volumes that are slow to attach come in time; a Secret that nobody makes does not.
  const missing = /(secret|configmap|references non-existent).* not found|non-existent/i.test(event.message);
  return late && missing
    ? fatal(object, event.reason, event.message)
    : pending(object, event.reason, event.message);
}

const progress = ['Pulling', 'Pulled', 'Created', 'Started', 'Scheduled', 'SuccessfulAttachVolume'];

function starting(pod: KubeObject, at: Case): Finding {
  const object = objectLabel(pod);
  const newest = at.events.of(pod).find((event) => event.warning || progress.includes(event.reason));
  if (newest?.reason === 'Pulling') return pending(object, 'Pulling', pullingWords(newest, at.now));
  if (newest?.warning) return pending(object, newest.reason, newest.message);
  if (text(pod.status?.phase) === 'Running') return pending(object, 'NotReady', 'running, not ready yet');
  const assigned = text(pod.spec?.nodeName) !== '';
  if (newest?.reason === 'Started') return pending(object, 'Starting', 'started, not ready yet');
  return pending(object, 'Pending', assigned ? 'its containers are being created' : 'waiting for a node');
}

function pullingWords(event: EventInfo, now: number): string {
  const seconds = Math.round((now - (event.first ?? millis(event.last) ?? now)) / 1000);
  return seconds > 0 ? `${event.message} for ${seconds} s` : event.message;
}
