import { count, fields, items, text } from './fields.ts';
import type { ContainerRef } from './logs.ts';
import type { KubeObject } from './types.ts';

export interface ContainerState {
  /** Of the container that runs or ran last; undefined before the first start. */
  id?: string;
  running: boolean;
  restarts: number;
  /** How the one before ended, in words. */
  lastEnd?: string;
}

/** The pods of a namespace as a watch tells them, and a bell that rings when one changes. */
export class PodBook {
  readonly #pods = new Map<string, KubeObject>();
  #bell = ring();

  set(pod: KubeObject): void {
    this.#pods.set(pod.metadata.name, pod);
    this.#news();
  }

  /** Forgets a pod, unless another one has taken its name. */
  delete(pod: KubeObject): void {
    const known = this.#pods.get(pod.metadata.name);
    if (known?.metadata.uid === pod.metadata.uid) this.#pods.delete(pod.metadata.name);
    this.#news();
  }

  replace(pods: readonly KubeObject[]): void {
    this.#pods.clear();
    for (const pod of pods) this.#pods.set(pod.metadata.name, pod);
    this.#news();
  }

  pods(): KubeObject[] {
    return [...this.#pods.values()];
  }

  /** How a container is; undefined when its pod is gone. */
  container({ pod, container }: ContainerRef): ContainerState | undefined {
    const known = this.#pods.get(pod);
    return known === undefined ? undefined : containerState(known, container);
  }

  /** Returns when anything has changed, or the signal has fired. */
  async changed(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = this.#bell;
    signal.addEventListener('abort', resolve);
    if (!signal.aborted) await promise;
    signal.removeEventListener('abort', resolve);
  }

  /** `changed`, or so many milliseconds later. */
  async changedWithin(milliseconds: number, signal: AbortSignal): Promise<void> {
    await this.changed(AbortSignal.any([signal, AbortSignal.timeout(milliseconds)]));
  }

  #news(): void {
    const { resolve } = this.#bell;
    this.#bell = ring();
    resolve();
  }
}

function ring(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** The containers of a pod: those that prepare it first. */
export function containerNames(pod: KubeObject): string[] {
  return [...items(pod.spec?.initContainers), ...items(pod.spec?.containers)].map(({ name }) => text(name));
}

export function containerState(pod: KubeObject, container: string): ContainerState {
  const statuses = [...items(pod.status?.initContainerStatuses), ...items(pod.status?.containerStatuses)];
  const status = statuses.find(({ name }) => name === container) ?? {};
  return {
    id: text(status.containerID) || undefined,
    running: fields(status.state).running !== undefined,
    restarts: count(status.restartCount),
    lastEnd: endWords(fields(fields(status.lastState).terminated)),
  };
}

function endWords({ reason, exitCode }: Record<string, unknown>): string | undefined {
  if (exitCode === undefined) return undefined;
  const why = text(reason);
  const exit = `it exited with code ${count(exitCode)}`;
  return why === '' || why === 'Error' || why === 'Completed' ? exit : `${exit} (${why})`;
}
