import { count, fields, millis, text } from '../fields.ts';
import type { KubeObject } from '../types.ts';

export interface EventInfo {
  kind: string;
  name: string;
  namespace: string;
  uid: string;
  /** `spec.containers{minio}` when the event is about one container. */
  fieldPath: string;
  warning: boolean;
  reason: string;
  message: string;
  count: number;
  /** Milliseconds since the epoch. */
  first?: number;
  last?: number;
}

/** The events of a snapshot, looked up by the object they are about. */
export class EventLog {
  private readonly all: EventInfo[];

  constructor(events: KubeObject[], since?: Date) {
    // Events are timed in whole seconds: one of the first second of a run would seem older than it.
    const from = Math.floor((since?.getTime() ?? 0) / 1000) * 1000;
    this.all = events
      .map(readEvent)
      .filter((event) => (event.last ?? from) >= from)
      .sort((a, b) => (b.last ?? 0) - (a.last ?? 0));
  }

  /** The newest first. */
  of(object: KubeObject, ...reasons: string[]): EventInfo[] {
    return this.all.filter(
      (event) => isAbout(event, object) && (reasons.length === 0 || reasons.includes(event.reason)),
    );
  }

  /** Events about objects that are not in the snapshot, such as the ReplicaSets of a Deployment. */
  where(test: (event: EventInfo) => boolean): EventInfo[] {
    return this.all.filter(test);
  }
}

function isAbout(event: EventInfo, object: KubeObject): boolean {
  const { name, namespace = '', uid = '' } = object.metadata;
  if (event.kind !== object.kind || event.name !== name) return false;
  if (event.namespace !== '' && namespace !== '' && event.namespace !== namespace) return false;
  // A pod of a StatefulSet has the name of the one before it.
  return event.uid === '' || uid === '' || event.uid === uid;
}

/** Reads events of both APIs: v1 (involvedObject, count) and events.k8s.io/v1 (regarding, series). */
function readEvent(event: KubeObject): EventInfo {
  const about = fields(event.involvedObject ?? event.regarding);
  const series = fields(event.series);
  const created = millis(event.metadata.creationTimestamp);
  const first =
    millis(event.firstTimestamp) ??
    millis(event.deprecatedFirstTimestamp) ??
    millis(event.eventTime) ??
    created;
  const last =
    millis(series.lastObservedTime) ??
    millis(event.lastTimestamp) ??
    millis(event.deprecatedLastTimestamp) ??
    first;
  return {
    kind: text(about.kind),
    name: text(about.name),
    namespace: text(about.namespace),
    uid: text(about.uid),
    fieldPath: text(about.fieldPath),
    warning: event.type === 'Warning',
    reason: text(event.reason),
    message: text(event.message) || text(event.note),
    count: count(series.count) || count(event.count) || count(event.deprecatedCount) || 1,
    first,
    last,
  };
}
