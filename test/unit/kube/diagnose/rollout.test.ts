import { describe, expect, it } from 'vitest';
import { diagnose } from '../../../../src/kube/diagnose.ts';
import type { KubeObject } from '../../../../src/kube/types.ts';
import { ago, now, pod, snapshot, waiting, workload } from './cluster.ts';

function set(spec: Record<string, unknown> = {}, status: Record<string, unknown> = {}): KubeObject {
  const revisions = { currentRevision: 'db-old', updateRevision: 'db-new', replicas: 1, ...status };
  const found = workload('StatefulSet', 'db', revisions);
  return { ...found, spec: { ...found.spec, ...spec } };
}

function member(revision: string, status: Record<string, unknown>): KubeObject {
  return pod('db-0', {
    metadata: {
      labels: { 'controller-revision-hash': revision },
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'db', controller: true }],
    },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: ago(15) }],
      ...status,
    },
  });
}

const crashing = waiting('CrashLoopBackOff', '', {
  restartCount: 6,
  lastState: { terminated: { exitCode: 1 } },
});
const starting = { containerStatuses: [{ name: 'minio', state: { running: {} }, restartCount: 0 }] };

function stuck(object: KubeObject, pods: KubeObject[]) {
  return diagnose(snapshot({ objects: [object], pods }), now).find(({ reason }) => reason === 'StuckRollout');
}

describe('a StatefulSet that was mended', () => {
  it('says which broken pod keeps it from being so, and how to get rid of it', () => {
    expect(stuck(set(), [member('db-old', crashing)])).toMatchObject({
      object: 'StatefulSet/db',
      healing: false,
      message:
        'db-0 of the earlier revision is not ready, and Kubernetes does not replace it before it is; delete it: kubectl -n data-mill delete pod db-0',
    });
  });

  it('waits for a pod that may still become ready', () => {
    expect(stuck(set(), [member('db-old', starting)])).toMatchObject({ healing: true });
  });

  it.each([
    ['of the new revision', set(), member('db-new', crashing)],
    ['that is ready', set(), member('db-old', { conditions: [{ type: 'Ready', status: 'True' }] })],
    [
      'of a set that replaces in parallel',
      set({ podManagementPolicy: 'Parallel' }),
      member('db-old', crashing),
    ],
    [
      'of a set that leaves the replacing to people',
      set({ updateStrategy: { type: 'OnDelete' } }),
      member('db-old', crashing),
    ],
    [
      'that the update leaves out',
      set({ updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1 } } }),
      member('db-old', crashing),
    ],
    [
      'before the controller has seen the change',
      set({}, { observedGeneration: 0 }),
      member('db-old', crashing),
    ],
  ])('is not stuck because of a pod %s', (_name, object, one) => {
    expect(stuck(object, [one])).toBeUndefined();
  });
});
