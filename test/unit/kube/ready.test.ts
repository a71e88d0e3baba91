import { describe, expect, it } from 'vitest';
import { readiness } from '../../../src/kube/ready.ts';
import type { KubeObject } from '../../../src/kube/types.ts';

function object(
  apiVersion: string,
  kind: string,
  more: Record<string, unknown>,
  meta: Record<string, unknown> = {},
): KubeObject {
  return { apiVersion, kind, metadata: { name: 'it', namespace: 'data-mill', ...meta }, ...more };
}

function deployment(
  spec: Record<string, unknown>,
  status: Record<string, unknown>,
  meta: Record<string, unknown> = {},
) {
  return object('apps/v1', 'Deployment', { spec, status }, { generation: 2, ...meta });
}

const available = { type: 'Available', status: 'True', reason: 'MinimumReplicasAvailable', message: '' };
const rolledOut = { type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable', message: '' };
const counts = (n: number) => ({ replicas: n, updatedReplicas: n, readyReplicas: n, availableReplicas: n });

describe('readiness of a Deployment', () => {
  it('is reached when all replicas of the newest revision are available', () => {
    const status = { observedGeneration: 2, ...counts(3), conditions: [available, rolledOut] };
    expect(readiness(deployment({ replicas: 3 }, status))).toEqual({
      ready: true,
      message: '3 of 3 replicas ready',
    });
  });

  it.each([
    ['no status yet', {}, '0 of 3 replicas ready'],
    [
      'some ready',
      { observedGeneration: 2, replicas: 3, updatedReplicas: 3, readyReplicas: 1, availableReplicas: 1 },
      '1 of 3 replicas ready',
    ],
    [
      'a rollout',
      { observedGeneration: 2, replicas: 3, updatedReplicas: 1, readyReplicas: 3, availableReplicas: 3 },
      '1 of 3 replicas updated',
    ],
    ['an old pod left', { observedGeneration: 2, ...counts(3), replicas: 4 }, '1 old pod is still there'],
    [
      'minReadySeconds',
      { observedGeneration: 2, ...counts(3), availableReplicas: 2 },
      '2 of 3 replicas available',
    ],
    [
      'an older generation',
      { observedGeneration: 1, ...counts(3) },
      'its controller has not seen the change yet',
    ],
  ])('is not reached with %s', (_name, status, message) => {
    expect(readiness(deployment({ replicas: 3 }, status))).toEqual({ ready: false, message });
  });

  it('counts one replica when the spec says nothing', () => {
    expect(readiness(deployment({}, { observedGeneration: 2, ...counts(1) })).ready).toBe(true);
    expect(readiness(deployment({}, { observedGeneration: 2 })).message).toBe('0 of 1 replicas ready');
  });

  it('is reached when it is scaled to nothing', () => {
    const stopped = deployment(
      { replicas: 0 },
      { observedGeneration: 2, conditions: [available, rolledOut] },
    );
    expect(readiness(stopped)).toEqual({ ready: true, message: 'scaled to 0 replicas' });
    expect(readiness(deployment({ replicas: 0 }, { observedGeneration: 2, ...counts(1) })).ready).toBe(false);
  });

  it('has failed after its deadline', () => {
    const message = 'ReplicaSet "minio-7d9f" has timed out progressing.';
    const late = { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message };
    const status = { observedGeneration: 2, ...counts(0), unavailableReplicas: 1, conditions: [late] };
    expect(readiness(deployment({ replicas: 1 }, status))).toEqual({ ready: false, failed: true, message });
  });

  it('is not reached while it is being deleted', () => {
    const going = deployment({ replicas: 1 }, counts(1), { deletionTimestamp: '2026-11-21T08:00:00Z' });
    expect(readiness(going)).toEqual({ ready: false, message: 'being deleted' });
  });
});

describe('readiness of a StatefulSet', () => {
  const set = (spec: Record<string, unknown>, status: Record<string, unknown>) =>
    object('apps/v1', 'StatefulSet', { spec: { replicas: 3, ...spec }, status }, { generation: 1 });
  const same = { currentRevision: 'pg-1', updateRevision: 'pg-1' };
  const other = { currentRevision: 'pg-1', updateRevision: 'pg-2' };

  it('needs all replicas, of the newest revision', () => {
    expect(readiness(set({}, { ...counts(3), ...same })).ready).toBe(true);
    expect(readiness(set({}, { ...counts(3), readyReplicas: 2, ...same })).message).toBe(
      '2 of 3 replicas ready',
    );
    expect(readiness(set({}, { ...counts(3), updatedReplicas: 1, ...other }))).toEqual({
      ready: false,
      message: '1 of 3 replicas updated',
    });
  });

  it('needs only the share above a partition to be updated', () => {
    const spec = { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } };
    expect(readiness(set(spec, { ...counts(3), updatedReplicas: 1, ...other })).ready).toBe(true);
    expect(readiness(set(spec, { ...counts(3), updatedReplicas: 0, ...other })).message).toBe(
      '0 of 1 replicas updated',
    );
  });

  it('does not wait for pods that somebody has to delete', () => {
    const spec = { updateStrategy: { type: 'OnDelete' } };
    expect(readiness(set(spec, { ...counts(3), updatedReplicas: 0, ...other })).ready).toBe(true);
  });
});

describe('readiness of a DaemonSet', () => {
  const set = (status: Record<string, unknown>) => object('apps/v1', 'DaemonSet', { spec: {}, status });
  const all = {
    desiredNumberScheduled: 2,
    currentNumberScheduled: 2,
    updatedNumberScheduled: 2,
    numberReady: 2,
    numberAvailable: 2,
  };

  it('needs a pod on every node that it wants', () => {
    expect(readiness(set(all))).toEqual({ ready: true, message: '2 of 2 pods ready' });
    expect(readiness(set({ ...all, numberReady: 1 })).message).toBe('1 of 2 pods ready');
    expect(readiness(set({ ...all, updatedNumberScheduled: 0 })).message).toBe('0 of 2 pods updated');
    expect(readiness(set({})).ready).toBe(false);
  });

  it('is reached where no node is wanted', () => {
    expect(
      readiness(set({ desiredNumberScheduled: 0, currentNumberScheduled: 0, numberReady: 0 })).ready,
    ).toBe(true);
  });
});

describe('readiness of other kinds', () => {
  const conditions = (...list: Record<string, unknown>[]) => ({ status: { conditions: list } });

  it.each([
    [
      'a running Job',
      object('batch/v1', 'Job', { spec: { completions: 3 }, status: { active: 1, succeeded: 1, failed: 2 } }),
      false,
      '1 of 3 completed, 1 running, 2 failed',
    ],
    [
      'a complete Job',
      object('batch/v1', 'Job', conditions({ type: 'Complete', status: 'True' })),
      true,
      'complete',
    ],
    [
      'a suspended Job',
      object('batch/v1', 'Job', conditions({ type: 'Suspended', status: 'True' })),
      true,
      'suspended',
    ],
    ['a bound claim', object('v1', 'PersistentVolumeClaim', { status: { phase: 'Bound' } }), true, 'bound'],
    [
      'a claim that waits',
      object('v1', 'PersistentVolumeClaim', { status: { phase: 'Pending' } }),
      false,
      'no volume bound yet',
    ],
    [
      'a ClusterIP service',
      object('v1', 'Service', { spec: { type: 'ClusterIP' }, status: { loadBalancer: {} } }),
      true,
      'there',
    ],
    [
      'a new load balancer',
      object('v1', 'Service', { spec: { type: 'LoadBalancer' }, status: { loadBalancer: {} } }),
      false,
      'no load balancer address yet',
    ],
    [
      'a load balancer',
      object('v1', 'Service', {
        spec: { type: 'LoadBalancer' },
        status: { loadBalancer: { ingress: [{ ip: '10.0.0.9' }] } },
      }),
      true,
      'has an address',
    ],
    [
      'a new CRD',
      object('apiextensions.k8s.io/v1', 'CustomResourceDefinition', { status: {} }),
      false,
      'not established yet',
    ],
    [
      'a CRD',
      object(
        'apiextensions.k8s.io/v1',
        'CustomResourceDefinition',
        conditions({ type: 'Established', status: 'True' }),
      ),
      true,
      'established',
    ],
    [
      'a PodDisruptionBudget',
      object('policy/v1', 'PodDisruptionBudget', { status: { currentHealthy: 0, desiredHealthy: 1 } }),
      true,
      'there',
    ],
    ['a ConfigMap', object('v1', 'ConfigMap', { data: {} }), true, 'there'],
    [
      'a ready pod',
      object('v1', 'Pod', { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } }),
      true,
      'ready',
    ],
    [
      'a completed pod',
      object('v1', 'Pod', {
        status: { phase: 'Succeeded', conditions: [{ type: 'Ready', status: 'False' }] },
      }),
      true,
      'completed',
    ],
    [
      'a pod whose image cannot be pulled',
      object('v1', 'Pod', {
        status: {
          phase: 'Pending',
          containerStatuses: [{ name: 'a', state: { waiting: { reason: 'ErrImagePull' } } }],
        },
      }),
      false,
      'ErrImagePull',
    ],
    [
      'a pod with one of two containers',
      object('v1', 'Pod', {
        status: {
          phase: 'Running',
          containerStatuses: [
            { ready: true, state: { running: {} } },
            { ready: false, state: { running: {} } },
          ],
        },
      }),
      false,
      '1 of 2 containers ready',
    ],
    [
      'a namespace on its way out',
      object('v1', 'Namespace', { status: { phase: 'Terminating' } }),
      false,
      'being deleted',
    ],
    [
      'an APIService without its server',
      object(
        'apiregistration.k8s.io/v1',
        'APIService',
        conditions({
          type: 'Available',
          status: 'False',
          reason: 'MissingEndpoints',
          message: 'endpoints have no addresses',
        }),
      ),
      false,
      'endpoints have no addresses',
    ],
  ])('%s', (_name, it, ready, message) => {
    expect(readiness(it)).toMatchObject({ ready, message });
  });

  it('says that a Job, a pod and a claim have failed', () => {
    const why = 'Job has reached the specified backoff limit';
    const job = object(
      'batch/v1',
      'Job',
      conditions({ type: 'Failed', status: 'True', reason: 'BackoffLimitExceeded', message: why }),
    );
    expect(readiness(job)).toEqual({ ready: false, failed: true, message: why });
    const pod = object('v1', 'Pod', {
      status: { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' },
    });
    expect(readiness(pod)).toMatchObject({
      failed: true,
      message: 'failed: The node was low on resource: memory.',
    });
    expect(readiness(object('v1', 'PersistentVolumeClaim', { status: { phase: 'Lost' } })).failed).toBe(true);
  });

  it('goes by the Ready condition of custom resources', () => {
    const resource = (status: string, message = '') =>
      object(
        'argoproj.io/v1alpha1',
        'Rollout',
        conditions({ type: 'Ready', status, reason: 'Why', message }),
      );
    expect(readiness(resource('True')).ready).toBe(true);
    expect(readiness(resource('False', 'no route to host'))).toEqual({
      ready: false,
      message: 'no route to host',
    });
    expect(readiness(resource('Unknown'))).toEqual({ ready: false, message: 'Why' });
  });

  it('takes a custom resource that says nothing as ready once its generation was seen', () => {
    expect(readiness(object('example.com/v1', 'Thing', {})).ready).toBe(true);
    expect(
      readiness(object('example.com/v1', 'Thing', { status: { observedGeneration: 1 } }, { generation: 2 }))
        .ready,
    ).toBe(false);
  });

  it('gives up on a resource that says it is stalled', () => {
    const stalled = object(
      'source.toolkit.fluxcd.io/v1',
      'HelmRepository',
      conditions({ type: 'Stalled', status: 'True', reason: 'InvalidURL', message: 'bad url' }),
    );
    expect(readiness(stalled)).toEqual({ ready: false, failed: true, message: 'bad url' });
  });

  it('does not take a kind of another group for the one of Kubernetes', () => {
    const knative = object(
      'serving.knative.dev/v1',
      'Service',
      conditions({ type: 'Ready', status: 'False', reason: 'RevisionMissing' }),
    );
    expect(readiness(knative)).toEqual({ ready: false, message: 'RevisionMissing' });
  });
});
