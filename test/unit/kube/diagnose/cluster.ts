import type { Snapshot } from '../../../../src/kube/diagnose.ts';
import type { KubeObject } from '../../../../src/kube/types.ts';

type Fields = Record<string, unknown>;

/** The moment that every test looks at the cluster. */
export const now = new Date('2026-11-21T08:10:00Z');

export function ago(seconds: number): string {
  return new Date(now.getTime() - seconds * 1000).toISOString().replace('.000Z', 'Z');
}

export function snapshot(parts: Partial<Snapshot>): Snapshot {
  return { objects: [], pods: [], events: [], claims: [], jobs: [], ...parts };
}

/** A pod of the Deployment minio that has a node, as the API server returns it. */
export function pod(
  name: string,
  parts: { spec?: Fields; status?: Fields; metadata?: Fields } = {},
): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'data-mill',
      uid: `uid-of-${name}`,
      labels: { app: 'minio', 'pod-template-hash': '7d9f8c' },
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'minio-7d9f8c', uid: 'r1', controller: true },
      ],
      creationTimestamp: ago(60),
      ...parts.metadata,
    },
    spec: {
      nodeName: 'node-1',
      containers: [
        { name: 'minio', image: 'registry.example.com/minio:1', resources: { limits: { memory: '256Mi' } } },
      ],
      ...parts.spec,
    },
    status: {
      phase: 'Pending',
      startTime: ago(60),
      conditions: [
        { type: 'Ready', status: 'False', reason: 'ContainersNotReady' },
        { type: 'PodScheduled', status: 'True', lastTransitionTime: ago(60) },
      ],
      ...parts.status,
    },
  } as KubeObject;
}

export function waiting(reason: string, message = '', more: Fields = {}): Fields {
  return {
    containerStatuses: [
      {
        name: 'minio',
        ready: false,
        restartCount: 0,
        image: 'registry.example.com/minio:1',
        state: { waiting: { reason, message } },
        lastState: {},
        ...more,
      },
    ],
  };
}

let serial = 0;

export function event(about: KubeObject, reason: string, message: string, more: Fields = {}): KubeObject {
  serial += 1;
  const { name, namespace, uid } = about.metadata;
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `${name}.${serial}`, namespace },
    involvedObject: { apiVersion: about.apiVersion, kind: about.kind, name, namespace, uid },
    type: 'Warning',
    reason,
    message,
    count: 1,
    firstTimestamp: ago(30),
    lastTimestamp: ago(5),
    ...more,
  };
}

export function node(
  name: string,
  parts: { labels?: Record<string, string>; spec?: Fields; allocatable?: Fields } = {},
): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/hostname': name, ...parts.labels } },
    spec: parts.spec ?? {},
    status: { allocatable: parts.allocatable ?? { cpu: '8', memory: '16Gi', pods: '110' } },
  };
}

export function unplaced(name: string, spec: Fields, metadata: Fields = {}): KubeObject {
  const message =
    '0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.';
  return pod(name, {
    metadata,
    spec: { nodeName: undefined, ...spec },
    status: {
      startTime: undefined,
      conditions: [
        {
          type: 'PodScheduled',
          status: 'False',
          reason: 'Unschedulable',
          message,
          lastTransitionTime: ago(20),
        },
      ],
    },
  });
}

export function requesting(requests: Fields): Fields {
  return { containers: [{ name: 'minio', image: 'registry.example.com/minio:1', resources: { requests } }] };
}

export function claim(name: string, spec: Fields, more: Fields = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace: 'data-mill', creationTimestamp: ago(60) },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Gi' } }, ...spec },
    status: { phase: 'Pending', ...more },
  };
}

export function storageClass(
  name: string,
  more: Fields = {},
  annotations: Record<string, string> = {},
): KubeObject {
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name, annotations },
    provisioner: 'example.com/disk',
    volumeBindingMode: 'Immediate',
    ...more,
  };
}

export function workload(kind: string, name: string, status: Fields = {}): KubeObject {
  return {
    apiVersion: kind === 'Job' ? 'batch/v1' : 'apps/v1',
    kind,
    metadata: { name, namespace: 'data-mill', uid: `uid-of-${name}`, generation: 1 },
    spec: kind === 'Job' ? { backoffLimit: 2 } : { replicas: 1 },
    status: { observedGeneration: 1, ...status },
  };
}
