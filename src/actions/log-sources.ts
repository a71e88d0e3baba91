import { configError, type DatamillError } from '../errors.ts';
import type { LogLine } from '../kube/log-lines.ts';
import type { ContainerRef } from '../kube/logs.ts';
import { containerNames } from '../kube/pod-book.ts';
import type { ComponentPod } from './pods.ts';
import type { ActionOptions } from './session.ts';

/** A line of a log and where it comes from. */
export interface ComponentLine {
  component: string;
  pod: string;
  container: string;
  /** RFC 3339, as the node wrote it. */
  time: string;
  line: string;
}

export interface LogsOptions extends ActionOptions {
  /** All of the flavour when left out. */
  component?: string;
  container?: string;
  follow?: boolean;
  /** Of the containers that ran before the present ones. */
  previous?: boolean;
  /** Seconds. */
  since?: number;
  /** Lines of each container, from the end. */
  tail?: number;
  /** Gets the lines; the next ones come when it is done. */
  onLines(lines: ComponentLine[]): Promise<void>;
  /** Something that a reader of the logs should know, in words. */
  onNotice(message: string): void;
}

/** One container's log, and whose it is. */
export interface Source extends ContainerRef {
  component: string;
}

export function sourcesOf({ component, pod }: ComponentPod, container: string | undefined): Source[] {
  const { name, namespace } = pod.metadata;
  return containerNames(pod)
    .filter((one) => container === undefined || one === container)
    .map((one) => ({ component: component.name, namespace: namespace!, pod: name, container: one }));
}

/** @throws {DatamillError} NO_SUCH_CONTAINER (exit 2) */
export function noSuchContainer(pods: readonly ComponentPod[], wanted: string): DatamillError {
  const names = [...new Set(pods.flatMap(({ pod }) => containerNames(pod)))].sort();
  return configError('NO_SUCH_CONTAINER', `no pod has a container "${wanted}"`, {
    hint: `there are ${names.join(', ')}`,
  });
}

export function toComponentLine(
  { component, pod, container }: Source,
  { time, text }: LogLine,
): ComponentLine {
  return { component, pod, container, time: time ?? '', line: text };
}
