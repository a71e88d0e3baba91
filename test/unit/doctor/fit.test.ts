import { describe, expect, it } from 'vitest';
import { demandsOf } from '../../../src/doctor/demand.ts';
import { balance, misfits, unplaced } from '../../../src/doctor/fit.ts';
import { roomOf } from '../../../src/doctor/room.ts';
import type { KubeObject } from '../../../src/kube/types.ts';
import { node, pod, requesting } from '../kube/diagnose/cluster.ts';

type Fields = Record<string, unknown>;

function deployment(name: string, replicas: number, requests: Fields, more: Fields = {}): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'data-mill' },
    spec: { replicas, template: { metadata: {}, spec: { ...requesting(requests), ...more } } },
  };
}

function of(kind: string, name: string, spec: Fields, apiVersion = 'batch/v1'): KubeObject {
  return { apiVersion, kind, metadata: { name }, spec };
}

const small = [
  node('a', { allocatable: { cpu: '4', memory: '8Gi', pods: '10' } }),
  node('b', { allocatable: { cpu: '4', memory: '8Gi', pods: '10' } }),
];
const running = (on: string, requests: Fields, more: Fields = {}) =>
  pod('other', { spec: { nodeName: on, ...requesting(requests) }, status: { phase: 'Running' }, ...more });

function judge(objects: KubeObject[], nodes: KubeObject[] = small, pods: KubeObject[] = []) {
  return misfits(demandsOf('dask', objects), roomOf(nodes, pods)).map(({ message }) => message);
}

describe('what a flavour asks for', () => {
  it('is the requests of all replicas, and one pod each', () => {
    const demands = demandsOf('dask', [deployment('worker', 3, { cpu: '250m', memory: '1Gi' })]);
    expect(balance(demands, roomOf(small, []))).toEqual([
      { resource: 'cpu', wanted: 0.75, free: 8, total: 8 },
      { resource: 'memory', wanted: 3 * 2 ** 30, free: 2 ** 34, total: 2 ** 34 },
      { resource: 'pods', wanted: 3, free: 20, total: 20 },
    ]);
  });

  it('counts a DaemonSet on every node that takes it', () => {
    const set = of('DaemonSet', 'agent', { template: { spec: requesting({ cpu: '1' }) } }, 'apps/v1');
    const tainted = node('c', {
      spec: { taints: [{ key: 'gpu', effect: 'NoSchedule' }] },
      allocatable: { cpu: '4', pods: '10' },
    });
    const [cpu] = balance(demandsOf('agent', [set]), roomOf([...small, tainted], []));
    expect(cpu).toMatchObject({ resource: 'cpu', wanted: 2 });
  });

  it('takes what an autoscaler keeps at least', () => {
    const scaler = of(
      'HorizontalPodAutoscaler',
      'worker',
      { scaleTargetRef: { kind: 'Deployment', name: 'worker' }, minReplicas: 5 },
      'autoscaling/v2',
    );
    expect(demandsOf('dask', [deployment('worker', 1, {}), scaler])[0]).toMatchObject({ pods: 5 });
  });

  it('leaves out of the sum what comes and goes, and what is scaled to nothing', () => {
    const template = { spec: requesting({ cpu: '3' }) };
    const cron = of('CronJob', 'backup', { jobTemplate: { spec: { template } } });
    const job = of('Job', 'migrate', { template });
    expect(
      balance(demandsOf('x', [cron, job, deployment('off', 0, { cpu: '9' })]), roomOf(small, [])),
    ).toEqual([]);
    expect(judge([of('Job', 'train', { template: { spec: requesting({ cpu: '5' }) } })])).toEqual([
      'a pod of Job/train needs 5 CPU, the largest node has 4',
    ]);
  });
});

describe('what nodes have left', () => {
  it('is without what runs on them, and with what has ended or is about to go', () => {
    const pods = [
      running('a', { cpu: '1', memory: '1Gi' }),
      running('a', { cpu: '2' }, { status: { phase: 'Succeeded' } }),
      running('b', { cpu: '500m' }, { metadata: { labels: { 'app.kubernetes.io/instance': 'dask' } } }),
    ];
    const [a, b] = roomOf(
      small,
      pods,
      ({ metadata }) => metadata.labels?.['app.kubernetes.io/instance'] === 'dask',
    );
    expect([a!.free.get('cpu'), a!.free.get('memory'), a!.free.get('pods')]).toEqual([3, 7 * 2 ** 30, 9]);
    expect(b!.free.get('cpu')).toBe(4);
  });
});

describe('what does not fit', () => {
  it('is told by the sums, with the numbers', () => {
    expect(judge([deployment('worker', 10, { cpu: '1' })], small, [running('a', { cpu: '500m' })])).toEqual([
      'all together need 10 CPU; of 8 CPU on 2 nodes 7.5 CPU are free',
    ]);
    expect(judge([deployment('many', 30, {})])).toEqual([
      'all together need 30 pods; of 20 pods on 2 nodes 20 pods are free',
    ]);
    expect(
      judge(
        [deployment('scratch', 1, { 'ephemeral-storage': '10Gi' })],
        [node('a', { allocatable: { 'ephemeral-storage': '5Gi', pods: '9' } })],
      ),
    ).toEqual([
      'a pod of Deployment/scratch needs 10 GiB ephemeral-storage, the largest node has 5 GiB ephemeral-storage',
    ]);
  });

  it('is a pod that no node could hold; it then adds nothing to the sums', () => {
    expect(judge([deployment('huge', 1, { cpu: '5' }), deployment('fine', 1, { cpu: '1' })])).toEqual([
      'a pod of Deployment/huge needs 5 CPU, the largest node has 4',
    ]);
    expect(judge([deployment('gpu', 1, { 'nvidia.com/gpu': '1' })])).toEqual([
      'a pod of Deployment/gpu needs 1 nvidia.com/gpu, no node has any',
    ]);
    expect(judge([deployment('picky', 1, {}, { nodeSelector: { disk: 'ssd' } })])).toEqual([
      'a pod of Deployment/picky needs a node with disk=ssd, and none of 2 nodes has it',
    ]);
  });

  it('is anything when all nodes are cordoned', () => {
    const closed = [node('a', { spec: { unschedulable: true } })];
    expect(judge([deployment('fine', 1, {})], closed)).toEqual([
      'the only node is cordoned: no node takes new pods',
    ]);
    expect(judge([], closed)).toEqual([]);
  });

  it('is not what the flavour itself brings', () => {
    const demands = demandsOf(
      'train',
      [deployment('gpu', 1, { 'nvidia.com/gpu': '1' })],
      new Set(['nvidia.com/gpu']),
    );
    expect(misfits(demands, roomOf(small, []))).toEqual([]);
  });

  it('may be what fits in sum and on no single node', () => {
    const demands = demandsOf('dask', [deployment('worker', 2, { cpu: '3' })]);
    const rooms = roomOf(small, [running('a', { cpu: '1500m' })]);
    expect(misfits(demands, rooms)).toEqual([]);
    expect(unplaced(demands, rooms)).toEqual([
      {
        component: 'dask',
        message: 'no single node has room for 1 of 2 pods of Deployment/worker (3 CPU each)',
      },
    ]);
    expect(unplaced(demands, roomOf(small, []))).toEqual([]);
  });
});
