import type { KubeObject } from '../types.ts';
import type { EventLog } from './events.ts';

/** One thing that keeps a release from being ready. */
export interface Finding {
  /** `Pod/minio-0` */
  object: string;
  severity: 'pending' | 'error';
  /** False when waiting longer cannot help: fail at once. */
  healing: boolean;
  /** The cluster's own word, such as `ImagePullBackOff`. */
  reason: string;
  /** One sentence, in the words of the cluster. */
  message: string;
  container?: string;
  /** The last lines of the container's log say more. */
  wantLogs?: boolean;
  /** What keeps the pod, and how many pods that has in all. */
  workload?: { name: string; pods: number };
}

/** What the cluster says about one release at one moment. */
export interface Snapshot {
  /** The objects of the release itself. */
  objects: KubeObject[];
  pods: KubeObject[];
  events: KubeObject[];
  claims: KubeObject[];
  jobs: KubeObject[];
  /** Undefined without the rights to list them. */
  nodes?: KubeObject[];
  /** Undefined without the rights to list them. */
  storageClasses?: KubeObject[];
  /** Older events are those of an earlier attempt, and are left out. */
  since?: Date;
}

export interface Case {
  snapshot: Snapshot;
  events: EventLog;
  /** Milliseconds since the epoch. */
  now: number;
}

export function pending(object: string, reason: string, message: string): Finding {
  return { object, severity: 'pending', healing: true, reason, message: sentence(message) };
}

export function fatal(object: string, reason: string, message: string): Finding {
  return { object, severity: 'error', healing: false, reason, message: sentence(message) };
}

/** One line: controllers wrap and pad their messages. */
function sentence(message: string): string {
  return message.replace(/\s+/g, ' ').trim();
}
