import { formatMemory, parseQuantity } from '../../util/quantity.ts';
import { condition, count, fields, items, millis, objectLabel, text } from '../fields.ts';
import type { KubeObject } from '../types.ts';
import type { EventInfo } from './events.ts';
import { type Case, type Finding, fatal, pending } from './finding.ts';

/** Pulls that fail this often are not going to work. */
const pullRetries = 3;
/** Nor are those that failed again after this time: the kubelet tries a second time after 10 to 15 s. */
const pullGrace = 12_000;
/** Where no second try was seen by now, its back-off is longer than anybody should have to wait. */
const pullPatience = 20_000;
/** What a registry answers when it is well and has no such image, or not for us. */
const definiteAnswer =
  /not ?found|manifest unknown|repository does not exist|no such image|unauthorized|authorization failed|access.* denied|forbidden|no match for platform|invalid reference/i;
/** A Secret that another release makes may come a moment later. */
const createGrace = 10_000;
const crashRetries = 5;

const neverHeals = ['InvalidImageName', 'ErrImageNeverPull'];
const pullReasons = [
  'ErrImagePull',
  'ImagePullBackOff',
  'ImageInspectError',
  'RegistryUnavailable',
  'SignatureValidationFailed',
];
const createReasons = [
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
  'PreCreateHookError',
  'StartError',
];

interface Container {
  pod: KubeObject;
  name: string;
  init: boolean;
  spec: Record<string, unknown>;
  status: Record<string, unknown>;
}

/** What is wrong with the init containers and containers of a pod. */
export function diagnoseContainers(pod: KubeObject, at: Case): Finding[] {
  const init = containersOf(pod, 'initContainers', 'initContainerStatuses', true);
  const main = containersOf(pod, 'containers', 'containerStatuses', false);
  return [...init, ...main].flatMap((container) => {
    const finding = diagnoseContainer(container, at);
    return finding === undefined ? [] : [{ ...finding, container: container.name }];
  });
}

function containersOf(pod: KubeObject, specs: string, statuses: string, init: boolean): Container[] {
  return items(pod.status?.[statuses]).map((status) => {
    const name = text(status.name);
    const spec = items(pod.spec?.[specs]).find((one) => one.name === name) ?? {};
    return { pod, name, init, spec, status };
  });
}

function diagnoseContainer(container: Container, at: Case): Finding | undefined {
  const state = fields(container.status.state);
  const reason = text(fields(state.waiting).reason);
  const said = text(fields(state.waiting).message);
  const object = objectLabel(container.pod);
  if (neverHeals.includes(reason))
    return fatal(object, reason, said || `image ${text(container.spec.image)} cannot be used`);
  if (pullReasons.includes(reason)) return failedPull(container, reason, said, at);
  if (createReasons.includes(reason)) return failedStart(container, reason, said, at);
  if (reason === 'CrashLoopBackOff') return crashing(container, reason, lastEnd(container));
  if (state.terminated !== undefined) return ended(container, fields(state.terminated));
  if (state.running !== undefined) return running(container, at);
  return undefined;
}

function failedPull(container: Container, reason: string, said: string, at: Case): Finding {
  const object = objectLabel(container.pod);
  const failures = eventsOf(container, at, 'Failed').filter((event) => event.message.includes('pull'));
  const pulls = failures.filter((event) => event.message.startsWith('Failed to pull'));
  const tried = pulls.reduce((sum, event) => sum + event.count, 0);
  const backingOff = reason === 'ImagePullBackOff';
  const first = firstTime(failures) ?? (backingOff ? startOf(container.pod) : undefined);
  const waited = first === undefined ? 0 : at.now - first;
  const cause = pulls[0]?.message || said || `Failed to pull image "${text(container.spec.image)}"`;
  const late =
    (waited > pullGrace && (tried > 1 || definiteAnswer.test(cause))) ||
    (waited > pullPatience && backingOff);
  return tried >= pullRetries || late ? fatal(object, reason, cause) : pending(object, reason, cause);
}

function failedStart(container: Container, reason: string, said: string, at: Case): Finding {
  const object = objectLabel(container.pod);
  const failures = eventsOf(container, at, 'Failed');
  const message = said || failures[0]?.message || 'the container cannot be started';
  const first = firstTime(failures) ?? startOf(container.pod);
  const late = first !== undefined && at.now - first > createGrace;
  const finding = late ? fatal(object, reason, message) : pending(object, reason, message);
  return reason === 'RunContainerError' ? { ...finding, wantLogs: true } : finding;
}

/** Not zero and between two starts, or in back-off: how it ended last, and how often it was started again. */
function crashing(container: Container, reason: string, end: string): Finding {
  const object = objectLabel(container.pod);
  const restarts = count(container.status.restartCount);
  const again = restarts === 0 ? '' : `, restarted ${restarts} ${restarts === 1 ? 'time' : 'times'}`;
  const message = `${container.init ? 'init container' : 'container'} ${container.name} ${end}${again}`;
  const finding =
    restarts >= crashRetries ? fatal(object, reason, message) : pending(object, reason, message);
  return { ...finding, wantLogs: true };
}

function ended(container: Container, terminated: Record<string, unknown>): Finding | undefined {
  if (count(terminated.exitCode) === 0) return undefined;
  return crashing(container, text(terminated.reason) || 'Error', endWords(container, terminated));
}

function running(container: Container, at: Case): Finding | undefined {
  const object = objectLabel(container.pod);
  if (container.init && text(container.spec.restartPolicy) !== 'Always') {
    return pending(object, 'Initializing', `init container ${container.name} is running`);
  }
  if (container.status.ready === true) return undefined;
  const last = fields(fields(container.status.lastState).terminated);
  if (count(container.status.restartCount) > 0 && count(last.exitCode) !== 0) {
    return {
      ...crashing(container, text(last.reason) || 'Error', endWords(container, last)),
      severity: 'pending',
      healing: true,
    };
  }
  const probe = eventsOf(container, at, 'Unhealthy')[0];
  if (probe === undefined) return undefined;
  return { ...pending(object, 'Unhealthy', probe.message), wantLogs: true };
}

function lastEnd(container: Container): string {
  const terminated = fields(fields(container.status.lastState).terminated);
  return terminated.exitCode === undefined ? 'keeps crashing' : endWords(container, terminated);
}

function endWords(container: Container, terminated: Record<string, unknown>): string {
  if (text(terminated.reason) === 'OOMKilled') {
    const limit = parseQuantity(fields(fields(container.spec.resources).limits).memory);
    return limit === undefined
      ? 'ran out of memory (OOMKilled)'
      : `needed more than its memory limit of ${formatMemory(limit)} (OOMKilled)`;
  }
  const exit = `exited with code ${count(terminated.exitCode)}`;
  const said = text(terminated.message).trim().split('\n').at(-1) ?? '';
  return said === '' ? exit : `${exit}: ${said}`;
}

function eventsOf(container: Container, at: Case, reason: string): EventInfo[] {
  const path = `spec.${container.init ? 'initContainers' : 'containers'}{${container.name}}`;
  return at.events
    .of(container.pod, reason)
    .filter((event) => event.fieldPath === '' || event.fieldPath === path);
}

function firstTime(events: EventInfo[]): number | undefined {
  const times = events.flatMap((event) => event.first ?? []);
  return times.length === 0 ? undefined : Math.min(...times);
}

/** Without events (they expire, and may be forbidden) the clock starts when the pod got its node. */
function startOf(pod: KubeObject): number | undefined {
  return millis(pod.status?.startTime) ?? millis(condition(pod, 'PodScheduled')?.lastTransitionTime);
}
