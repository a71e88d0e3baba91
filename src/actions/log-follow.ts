import type { Api } from '../kube/client.ts';
import { text } from '../kube/fields.ts';
import { LogCursor } from '../kube/log-cursor.ts';
import { LogFollower } from '../kube/log-follow.ts';
import { PodBook } from '../kube/pod-book.ts';
import type { KubeObject } from '../kube/types.ts';
import { type Watcher, watch } from '../kube/watch.ts';
import { type LogsOptions, noSuchContainer, type Source, sourcesOf, toComponentLine } from './log-sources.ts';
import { type InstalledComponent, ownerOf } from './pods.ts';
import type { Session } from './session.ts';

/** Follows every pod that runs, and those that come, until the signal fires. */
export async function followAll(
  { api }: Session,
  installed: readonly InstalledComponent[],
  options: LogsOptions,
): Promise<void> {
  const over = new AbortController();
  const signals = options.signal === undefined ? [] : [options.signal];
  const signal = AbortSignal.any([over.signal, ...signals]);
  const namespaces = [...new Set(installed.map(({ namespace }) => namespace))];
  const work = namespaces.map((namespace) =>
    new NamespaceFollower(api, namespace, installed, options, signal).run(),
  );
  try {
    await Promise.race(work);
  } finally {
    over.abort();
    await Promise.allSettled(work);
  }
}

/** Follows the pods of the components in one namespace. */
class NamespaceFollower implements Watcher {
  readonly #api: Api;
  readonly #namespace: string;
  readonly #installed: readonly InstalledComponent[];
  readonly #options: LogsOptions;
  readonly #signal: AbortSignal;
  readonly #book = new PodBook();
  /** By pod and container; kept, as a pod may come again under its name. */
  readonly #cursors = new Map<string, LogCursor>();
  readonly #running = new Map<string, Promise<void>>();
  /** Pods that were over when we came. */
  readonly #passed = new Set<string | undefined>();
  #begun = false;
  #fail: (error: unknown) => void = () => undefined;

  constructor(
    api: Api,
    namespace: string,
    installed: readonly InstalledComponent[],
    options: LogsOptions,
    signal: AbortSignal,
  ) {
    this.#api = api;
    this.#namespace = namespace;
    this.#installed = installed;
    this.#options = options;
    this.#signal = signal;
  }

  /** Returns when the signal has fired. */
  async run(): Promise<void> {
    const failed = new Promise<never>((_, reject) => {
      this.#fail = reject;
    });
    const ref = { apiVersion: 'v1', kind: 'Pod', namespace: this.#namespace };
    await Promise.race([failed, watch(this.#api, ref, this, this.#signal)]);
    await Promise.race([failed, Promise.all(this.#running.values())]);
  }

  onList(pods: KubeObject[]): void {
    this.#book.replace(pods);
    if (!this.#begun) for (const pod of pods) if (isOver(pod)) this.#passed.add(pod.metadata.uid);
    for (const pod of pods) this.#follow(pod);
    if (!this.#begun && this.#running.size === 0) this.#tellNothing(pods);
    this.#begun = true;
  }

  onChange(pod: KubeObject): void {
    this.#book.set(pod);
    this.#follow(pod);
  }

  onDelete(pod: KubeObject): void {
    this.#book.delete(pod);
  }

  onSilence(): void {
    this.#options.onNotice('the API server does not answer; trying again');
  }

  #follow(pod: KubeObject): void {
    const component = ownerOf(this.#installed, pod);
    if (component === undefined || this.#passed.has(pod.metadata.uid)) return;
    for (const source of sourcesOf({ component, pod }, this.#options.container)) {
      const key = `${source.pod}/${source.container}`;
      if (!this.#running.has(key)) this.#running.set(key, this.#followOne(key, source));
    }
  }

  async #followOne(key: string, source: Source): Promise<void> {
    const { onLines, onNotice, since, tail } = this.#options;
    const cursor = this.#cursors.get(key) ?? new LogCursor();
    this.#cursors.set(key, cursor);
    const follower = new LogFollower(this.#api, source, this.#book, cursor, {
      // Of pods that come later everything is wanted.
      query: this.#begun ? {} : { sinceSeconds: since, tail },
      signal: this.#signal,
      onLines: (lines) => onLines(lines.map((line) => toComponentLine(source, line))),
      onNotice,
    });
    try {
      await follower.run();
    } catch (error) {
      return this.#fail(error);
    }
    this.#running.delete(key);
    const again = this.#book.pods().find(({ metadata }) => metadata.name === source.pod);
    if (again !== undefined && !this.#signal.aborted) this.#follow(again);
  }

  #tellNothing(pods: readonly KubeObject[]): void {
    const { container, onNotice } = this.#options;
    const own = pods.flatMap((pod) => {
      const component = ownerOf(this.#installed, pod);
      return component === undefined || isOver(pod) ? [] : [{ component, pod }];
    });
    if (own.length > 0 && container !== undefined) throw noSuchContainer(own, container);
    onNotice(`no pod of ${this.#installed.map(({ name }) => name).join(', ')} runs; waiting for one`);
  }
}

function isOver(pod: KubeObject): boolean {
  return ['Succeeded', 'Failed'].includes(text(pod.status?.phase));
}
