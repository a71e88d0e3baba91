import { describe, expect, it } from 'vitest';
import { diagnose } from '../../../../src/kube/diagnose.ts';
import type { KubeObject } from '../../../../src/kube/types.ts';
import { ago, event, node, now, requesting, snapshot, unplaced } from './cluster.ts';

function judge(spec: Record<string, unknown>, nodes: KubeObject[] | undefined, events: KubeObject[] = []) {
  return diagnose(snapshot({ pods: [unplaced('minio-a', spec)], nodes, events }), now)[0];
}

const said = '0/1 nodes are available: 1 Insufficient cpu';

describe('pods without a node', () => {
  it.each([
    ['CPUs', { cpu: '5000' }, 'needs 5000 CPU, the largest node has 8'],
    ['memory', { memory: '64Gi' }, 'needs 64 GiB memory, the largest node has 16 GiB memory'],
    [
      'both',
      { cpu: '9', memory: '64Gi' },
      'needs 9 CPU, the largest node has 8; needs 64 GiB memory, the largest node has 16 GiB memory',
    ],
    ['a device that nobody has', { 'nvidia.com/gpu': '1' }, 'needs 1 nvidia.com/gpu, no node has any'],
  ])('give up when no node has enough %s', (_name, requests, message) => {
    const nodes = [node('small', { allocatable: { cpu: '2', memory: '4Gi' } }), node('large')];
    expect(judge(requesting(requests), nodes)).toMatchObject({
      severity: 'error',
      healing: false,
      reason: 'Unschedulable',
      message,
    });
  });

  it('give up when some node has more of each, but none has both', () => {
    const nodes = [
      node('cpus', { allocatable: { cpu: '32', memory: '8Gi' } }),
      node('memory', { allocatable: { cpu: '2', memory: '128Gi' } }),
    ];
    expect(judge(requesting({ cpu: '16', memory: '64Gi' }), nodes)).toMatchObject({
      healing: false,
      message: 'needs 16 CPU and 64 GiB memory on one node, and no node has all of it',
    });
  });

  it('wait in the words of the scheduler when an empty node could hold them', () => {
    expect(judge(requesting({ cpu: '4' }), [node('one')])).toMatchObject({
      severity: 'pending',
      healing: true,
      reason: 'Unschedulable',
      message: said,
    });
  });

  it.each([
    ['the right to list nodes', undefined],
    ['nodes', []],
  ])('wait without %s', (_name, nodes) => {
    expect(judge(requesting({ cpu: '5000' }), nodes)).toMatchObject({ severity: 'pending', message: said });
  });

  it('wait for a node that has not said yet what it has', () => {
    expect(judge(requesting({ cpu: '5000' }), [node('new', { allocatable: {} })])).toMatchObject({
      healing: true,
    });
  });

  it('wait when an autoscaler makes a node for them', () => {
    const target = unplaced('minio-a', requesting({ cpu: '50' }));
    const grows = event(target, 'TriggeredScaleUp', 'pod triggered scale-up', { type: 'Normal' });
    expect(judge(requesting({ cpu: '50' }), [node('one')], [grows])).toMatchObject({ healing: true });
  });

  it('wait some seconds for a device plugin', () => {
    const young = unplaced('minio-a', requesting({ 'nvidia.com/gpu': 1 }));
    (young.status as { conditions: { lastTransitionTime: string }[] }).conditions[0]!.lastTransitionTime =
      ago(3);
    expect(diagnose(snapshot({ pods: [young], nodes: [node('one')] }), now)[0]).toMatchObject({
      healing: true,
    });
  });

  it('count sidecars, the largest init container and overhead as the scheduler does', () => {
    const uses = (name: string, cpu: string, more = {}) => ({
      name,
      resources: { requests: { cpu } },
      ...more,
    });
    const needs = (spec: Record<string, unknown>) =>
      judge(spec, [node('tiny', { allocatable: { cpu: '1m', memory: '1Gi' } })])?.message;
    const containers = [uses('a', '1'), uses('b', '500m')];
    const sidecar = uses('proxy', '2', { restartPolicy: 'Always' });
    expect(needs({ containers })).toContain('needs 1.5 CPU');
    expect(needs({ containers, initContainers: [uses('init', '1')] })).toContain('needs 1.5 CPU');
    expect(needs({ containers, initContainers: [uses('init', '4'), uses('other', '3')] })).toContain(
      'needs 4 CPU',
    );
    expect(needs({ containers, initContainers: [sidecar, uses('init', '1')] })).toContain('needs 3.5 CPU');
    expect(needs({ containers, initContainers: [sidecar, uses('init', '3')] })).toContain('needs 5 CPU');
    expect(needs({ containers, overhead: { cpu: '250m' } })).toContain('needs 1.75 CPU');
    expect(needs({ containers: [{ name: 'a', resources: { limits: { cpu: '7' } } }] })).toContain(
      'needs 7 CPU',
    );
  });
});

describe('pods that choose their node', () => {
  const term = (...matchExpressions: object[]) => ({
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions }] },
      },
    },
  });
  const nodes = [
    node('a', { labels: { zone: 'east', cores: '16' } }),
    node('b', { labels: { zone: 'west' } }),
  ];

  it('give up when no node has the label', () => {
    expect(judge({ ...requesting({}), nodeSelector: { disk: 'ssd' } }, nodes)).toMatchObject({
      healing: false,
      message: 'needs a node with disk=ssd, and none of 2 nodes has it',
    });
  });

  it.each([
    [{ key: 'zone', operator: 'In', values: ['east'] }, true],
    [{ key: 'zone', operator: 'In', values: ['north', 'south'] }, false],
    [{ key: 'zone', operator: 'NotIn', values: ['east', 'west'] }, false],
    [{ key: 'disk', operator: 'NotIn', values: ['ssd'] }, true],
    [{ key: 'disk', operator: 'Exists' }, false],
    [{ key: 'disk', operator: 'DoesNotExist' }, true],
    [{ key: 'cores', operator: 'Gt', values: ['8'] }, true],
    [{ key: 'cores', operator: 'Gt', values: ['16'] }, false],
    [{ key: 'cores', operator: 'Lt', values: ['32'] }, true],
    [{ key: 'cores', operator: 'OfTheFuture', values: ['1'] }, true],
  ])('follow the affinity %j', (expression, possible) => {
    expect(judge({ ...requesting({}), ...term(expression) }, nodes)?.healing).toBe(possible);
  });

  it('are measured against the nodes that they may use only', () => {
    const large = node('large', { labels: { zone: 'west' }, allocatable: { cpu: '64', memory: '64Gi' } });
    const spec = { ...requesting({ cpu: '32' }), nodeSelector: { zone: 'east' } };
    expect(judge(spec, [nodes[0]!, large])?.message).toBe('needs 32 CPU, the largest node has 8');
  });
});

describe('tainted nodes', () => {
  const tainted = (key: string, effect = 'NoSchedule', value = '') =>
    node(`n-${key.replace(/\W/g, '')}`, { spec: { taints: [{ key, value, effect }] } });

  it('give up when every node repels the pod', () => {
    expect(judge(requesting({}), [tainted('gpu', 'NoSchedule', 'only')])).toMatchObject({
      healing: false,
      message: 'does not tolerate gpu=only:NoSchedule, which the only node that it could run on has',
    });
  });

  it.each([
    ['by key and value', { key: 'gpu', operator: 'Equal', value: 'only', effect: 'NoSchedule' }, true],
    ['by key', { key: 'gpu', operator: 'Exists' }, true],
    ['of everything', { operator: 'Exists' }, true],
    ['of another value', { key: 'gpu', value: 'shared' }, false],
    ['of another effect', { key: 'gpu', operator: 'Exists', effect: 'NoExecute' }, false],
  ])('are open to a toleration %s', (_name, toleration, open) => {
    expect(
      judge({ ...requesting({}), tolerations: [toleration] }, [tainted('gpu', 'NoSchedule', 'only')])
        ?.healing,
    ).toBe(open);
  });

  it.each([
    'node.kubernetes.io/not-ready',
    'node.kubernetes.io/disk-pressure',
    'node.kubernetes.io/unschedulable',
  ])('may lose %s', (key) => {
    expect(judge(requesting({}), [tainted(key)])?.healing).toBe(true);
  });

  it('count a cordoned node as one that may come back', () => {
    expect(judge(requesting({}), [node('cordoned', { spec: { unschedulable: true } })])?.healing).toBe(true);
  });

  it('only prefer others with PreferNoSchedule', () => {
    expect(judge(requesting({}), [tainted('gpu', 'PreferNoSchedule')])?.healing).toBe(true);
  });
});
