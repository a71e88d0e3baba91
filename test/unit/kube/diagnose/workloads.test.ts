import { describe, expect, it } from 'vitest';
import { diagnose, summaryLine } from '../../../../src/kube/diagnose.ts';
import type { KubeObject } from '../../../../src/kube/types.ts';
import {
  ago,
  claim,
  event,
  node,
  now,
  pod,
  requesting,
  snapshot,
  storageClass,
  unplaced,
  waiting,
  workload,
} from './cluster.ts';

function judge(object: KubeObject, events: KubeObject[] = []) {
  return diagnose(snapshot({ objects: [object], events }), now);
}

const security =
  'pods "minio-7d9f8c-x" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "minio" must set securityContext.allowPrivilegeEscalation=false)';

describe('workloads', () => {
  it('give up when their pods are refused', () => {
    const condition = { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: security };
    expect(judge(workload('Deployment', 'minio', { conditions: [condition] }))[0]).toMatchObject({
      object: 'Deployment/minio',
      severity: 'error',
      healing: false,
      reason: 'FailedCreate',
      message: security,
    });
  });

  it.each(['StatefulSet', 'DaemonSet', 'Job'])('read the refusal of a %s from its events', (kind) => {
    const it = workload(kind, 'minio');
    const message =
      'create Pod minio-0 in StatefulSet minio failed error: pods "minio-0" is forbidden: exceeded quota: compute, requested: cpu=2, used: cpu=3, limited: cpu=4';
    expect(judge(it, [event(it, 'FailedCreate', message)])[0]).toMatchObject({
      object: `${kind}/minio`,
      healing: false,
      message,
    });
  });

  it('read the refusal of a Deployment from the events of its ReplicaSet', () => {
    const set = {
      ...workload('ReplicaSet', 'minio-7d9f8c'),
      metadata: { name: 'minio-7d9f8c', namespace: 'data-mill' },
    };
    const other = {
      ...workload('ReplicaSet', 'minio-console-5b6c'),
      metadata: { name: 'minio-console-5b6c', namespace: 'data-mill' },
    };
    const refused = event(set, 'FailedCreate', `Error creating: ${security}`);
    expect(judge(workload('Deployment', 'minio'), [refused])[0]).toMatchObject({
      object: 'Deployment/minio',
      healing: false,
    });
    expect(judge(workload('Deployment', 'minio'), [event(other, 'FailedCreate', security)])[0]).toMatchObject(
      { reason: 'NotReady' },
    );
  });

  it.each([
    [
      'a service account that is about to come',
      'pods "minio-0" is forbidden: error looking up service account data-mill/minio: serviceaccount "minio" not found',
      10,
      true,
    ],
    [
      'a service account that does not come',
      'pods "minio-0" is forbidden: error looking up service account data-mill/minio: serviceaccount "minio" not found',
      60,
      false,
    ],
    [
      'a webhook that is not up',
      'Internal error occurred: failed calling webhook "inject.example.com": connection refused',
      60,
      true,
    ],
    [
      'a webhook that says no',
      'admission webhook "policy.example.com" denied the request: images must be signed',
      5,
      false,
    ],
  ])('judge %s', (_name, message, seconds, healing) => {
    const it = workload('StatefulSet', 'minio');
    expect(
      judge(it, [event(it, 'FailedCreate', message, { firstTimestamp: ago(seconds) })])[0],
    ).toMatchObject({ healing, message });
  });

  it('forget a refusal after which pods were made', () => {
    const it = workload('StatefulSet', 'minio');
    const refused = event(it, 'FailedCreate', security, { lastTimestamp: ago(30) });
    const made = event(it, 'SuccessfulCreate', 'create Pod minio-0 in StatefulSet minio successful', {
      type: 'Normal',
      lastTimestamp: ago(3),
    });
    expect(judge(it, [refused, made])[0]).toMatchObject({
      reason: 'NotReady',
      healing: true,
      message: '0 of 1 replicas ready',
    });
  });

  it('leave out what happened in an earlier attempt', () => {
    const it = workload('StatefulSet', 'minio');
    const refused = event(it, 'FailedCreate', security, { lastTimestamp: ago(30) });
    const since = new Date(now.getTime() - 20_000);
    expect(diagnose(snapshot({ objects: [it], events: [refused], since }), now)[0]).toMatchObject({
      reason: 'NotReady',
    });
  });

  it('give up after their deadline, but name the cause first', () => {
    const late = {
      type: 'Progressing',
      status: 'False',
      reason: 'ProgressDeadlineExceeded',
      message: 'ReplicaSet "minio-7d9f8c" has timed out progressing.',
    };
    const crash = pod('minio-7d9f8c-x', {
      status: waiting('CrashLoopBackOff', '', {
        restartCount: 7,
        lastState: { terminated: { exitCode: 1 } },
      }),
    });
    const findings = diagnose(
      snapshot({ objects: [workload('Deployment', 'minio', { conditions: [late] })], pods: [crash] }),
      now,
    );
    expect(findings.map((one) => one.reason)).toEqual(['CrashLoopBackOff', 'ProgressDeadlineExceeded']);
    expect(findings.every((one) => !one.healing)).toBe(true);
  });

  it('report a failed Job', () => {
    const failed = {
      type: 'Failed',
      status: 'True',
      reason: 'BackoffLimitExceeded',
      message: 'Job has reached the specified backoff limit',
    };
    const job = workload('Job', 'migrate', { conditions: [failed] });
    const findings = diagnose(snapshot({ jobs: [job] }), now);
    expect(findings).toEqual([
      {
        object: 'Job/migrate',
        severity: 'error',
        healing: false,
        reason: 'BackoffLimitExceeded',
        message: 'Job has reached the specified backoff limit',
      },
    ]);
  });

  it('tell of anything else that is not ready', () => {
    const service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'minio' },
      spec: { type: 'LoadBalancer' },
      status: { loadBalancer: {} },
    };
    const creating = pod('minio-7d9f8c-x', { status: waiting('ContainerCreating') });
    const findings = diagnose(
      snapshot({ objects: [service, workload('Deployment', 'minio')], pods: [creating] }),
      now,
    );
    expect(findings.map((one) => [one.object, one.message])).toEqual([
      ['Pod/minio-7d9f8c-x', 'its containers are being created'],
      ['Service/minio', 'no load balancer address yet'],
    ]);
  });

  it('find nothing in a release that is ready', () => {
    const ready = workload('Deployment', 'minio', {
      replicas: 1,
      updatedReplicas: 1,
      readyReplicas: 1,
      availableReplicas: 1,
    });
    const old = event(ready, 'FailedCreate', security);
    expect(judge(ready, [old])).toEqual([]);
  });

  it('survive objects that hold nothing', () => {
    const empty = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' } };
    const odd = { apiVersion: 'v1', kind: 'Event', metadata: { name: 'e' } };
    const parts = {
      objects: [empty],
      pods: [{ ...empty, status: { conditions: 'none', containerStatuses: [null] } as never }],
      events: [odd],
    };
    expect(() =>
      diagnose(
        snapshot({
          ...parts,
          claims: [{ ...empty, kind: 'PersistentVolumeClaim' }],
          jobs: [{ ...empty, apiVersion: 'batch/v1', kind: 'Job' }],
          nodes: [empty],
          storageClasses: [empty],
        }),
        now,
      ),
    ).not.toThrow();
  });
});

describe('the order of findings', () => {
  it('is the worst first', () => {
    const stuck = unplaced('stuck', requesting({ cpu: '99' }));
    const creating = pod('creating', { status: waiting('ContainerCreating') });
    const crashing = pod('crashing', { status: waiting('CrashLoopBackOff', '', { restartCount: 1 }) });
    const parts = {
      pods: [creating, crashing, stuck],
      nodes: [node('one')],
      claims: [claim('data', { storageClassName: 'fast' })],
      storageClasses: [storageClass('slow')],
    };
    expect(diagnose(snapshot(parts), now).map((one) => one.object)).toEqual([
      'PersistentVolumeClaim/data',
      'Pod/stuck',
      'Pod/crashing',
      'Pod/creating',
    ]);
  });
});

describe('summaryLine', () => {
  it('is empty when there is nothing to say', () => {
    expect(summaryLine([])).toBe('');
  });

  it('counts the pods of a workload that have the same trouble', () => {
    const metadata = {
      labels: { 'pod-template-hash': 'abc' },
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'dask-worker-abc', controller: true },
      ],
    };
    const ready = pod('w-3', { metadata, status: { conditions: [{ type: 'Ready', status: 'True' }] } });
    const pods = [
      unplaced('w-1', requesting({ cpu: '1' }), metadata),
      unplaced('w-2', requesting({ cpu: '1' }), metadata),
      ready,
    ];
    expect(summaryLine(diagnose(snapshot({ pods, nodes: [node('one')] }), now))).toBe(
      'dask-worker: 2 of 3 pods Unschedulable (0/1 nodes are available: 1 Insufficient cpu)',
    );
  });

  it('names a pod that is alone', () => {
    const single = pod('minio-0', {
      status: waiting('ContainerCreating'),
      metadata: {
        labels: {},
        ownerReferences: [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'minio', controller: true }],
      },
    });
    const pulling = event(single, 'Pulling', 'Pulling image "minio:1"', {
      type: 'Normal',
      firstTimestamp: ago(20),
    });
    expect(summaryLine(diagnose(snapshot({ pods: [single], events: [pulling] }), now))).toBe(
      'minio-0: Pulling image "minio:1" for 20 s',
    );
  });

  it('stays short', () => {
    const objects = ['a', 'b', 'c', 'd'].map((name) => workload('Deployment', name));
    expect(summaryLine(diagnose(snapshot({ objects }), now))).toBe(
      'Deployment/a: 0 of 1 replicas ready; Deployment/b: 0 of 1 replicas ready; 2 more',
    );
  });
});
