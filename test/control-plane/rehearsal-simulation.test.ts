import { beforeAll, describe, expect, it } from 'vitest';
import { rehearsal } from '../../src/targets/rehearsal.ts';
import { pause } from '../../src/util/abort.ts';
import { eventually } from '../helpers/eventually.ts';
import { apply, claim, container, io, kubectl, ownRehearsal, pod, read, spec } from '../helpers/rehearsal.ts';

describe.sequential('what a rehearsal simulates', () => {
  ownRehearsal();
  beforeAll(async () => void (await rehearsal.up(spec, io)));

  it('gives Services addresses apart from pods, and LoadBalancers one from outside', async () => {
    const metadata = { name: 'balanced', namespace: 'default' };
    await apply({
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { type: 'LoadBalancer', ports: [{ port: 80 }] },
    });
    await eventually(async () => {
      const service = await read('service', 'balanced');
      expect(service.spec.clusterIP).toMatch(/^10\.96\./);
      expect(service.status.loadBalancer.ingress).toEqual([expect.objectContaining({ ip: '192.0.2.1' })]);
    });
  });

  it('binds claims of the classes that were named, and of the default one, and no others', async () => {
    await apply(claim('odd', 'odd-class'), claim('default', undefined), claim('wrong', 'no-such-class'));
    await eventually(async () => {
      const { items } = await read('pvc', '-n', 'default');
      const phases = items.map((item: { metadata: { name: string }; status: { phase: string } }) => [
        item.metadata.name,
        item.status.phase,
      ]);
      expect(Object.fromEntries(phases)).toEqual({ odd: 'Bound', default: 'Bound', wrong: 'Pending' });
    });
  });

  it('grows a claim, and deletes the volume of a deleted one', async () => {
    await kubectl('patch', 'pvc', 'odd', '-p', '{"spec":{"resources":{"requests":{"storage":"3Gi"}}}}');
    await eventually(async () => expect((await read('pvc', 'odd')).status.capacity.storage).toBe('3Gi'));
    await kubectl('delete', 'pvc', 'odd', 'wrong');
    await eventually(async () => expect((await read('pv')).items).toHaveLength(1));
  });

  it('makes the classes that are named later', async () => {
    await rehearsal.up({ ...spec, storageClasses: ['odd-class', 'later'] }, io);
    await apply(claim('late', 'later'));
    await eventually(async () => expect((await read('pvc', 'late')).status.phase).toBe('Bound'));
  });

  it('has one node of the default sizes, and then those that are asked for', async () => {
    const capacities = async () => {
      const { items } = await read('nodes');
      return items.map((node: { metadata: { name: string }; status: { capacity: object } }) => [
        node.metadata.name,
        node.status.capacity,
      ]);
    };
    const standard = { cpu: '8', memory: '16Gi', 'ephemeral-storage': '100G', pods: '110' };
    expect(await capacities()).toEqual([[`${spec.name}-node-0`, standard]]);

    const large = { ...spec, nodes: 3, cpus: 4, memory: 2048, storage: '20Gi', gpuSupport: true };
    await rehearsal.up(large, io);
    const sizes = {
      cpu: '4',
      memory: '2Gi',
      'ephemeral-storage': '20Gi',
      pods: '110',
      'nvidia.com/gpu': '1',
    };
    expect(await capacities()).toEqual([0, 1, 2].map((index) => [`${spec.name}-node-${index}`, sizes]));

    const limits = { 'nvidia.com/gpu': 1 };
    const gpu = { containers: [{ ...container, resources: { limits } }] };
    await apply(pod('gpu-0', {}, gpu), pod('gpu-1', {}, gpu), pod('gpu-2', {}, gpu), pod('gpu-3', {}, gpu));
    await eventually(async () => {
      const phases = (await read('pods')).items.map(
        (item: { status: { phase: string } }) => item.status.phase,
      );
      expect(phases.sort()).toEqual(['Pending', 'Running', 'Running', 'Running']);
    });
    await kubectl('delete', 'pods', '--all');

    await rehearsal.up(spec, io);
    expect(await capacities()).toEqual([[`${spec.name}-node-0`, standard]]);
  });

  it('moves the pods of a node that is taken away', async () => {
    await rehearsal.up({ ...spec, nodes: 2 }, io);
    const template = { metadata: { labels: { app: 'moved' } }, spec: { containers: [container] } };
    const metadata = { name: 'moved', namespace: 'default' };
    const selector = { matchLabels: { app: 'moved' } };
    await apply({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: { replicas: 4, selector, template },
    });
    await kubectl('rollout', 'status', 'deployment/moved', '--timeout=20s');
    await rehearsal.up(spec, io);
    await eventually(async () => {
      const { items } = await read('pods', '-l', 'app=moved');
      expect(items.map((item: { spec: { nodeName: string } }) => item.spec.nodeName)).toEqual(
        Array(4).fill(`${spec.name}-node-0`),
      );
    });
    await kubectl('delete', 'deployment', 'moved');
  });

  it('completes Jobs and Helm hooks, and shows that pods are simulated', async () => {
    const template = { spec: { restartPolicy: 'Never', containers: [container] } };
    await apply(
      {
        apiVersion: 'batch/v1',
        kind: 'Job',
        metadata: { name: 'job', namespace: 'default' },
        spec: { template },
      },
      pod('hook', { 'helm.sh/hook': 'test' }, { restartPolicy: 'Never' }),
      pod('plain', {}, { restartPolicy: 'Never' }),
    );
    await eventually(async () => {
      expect((await read('job', 'job')).status.succeeded).toBe(1);
      expect((await read('pod', 'hook')).status.phase).toBe('Succeeded');
      expect((await read('pod', 'plain')).status.phase).toBe('Running');
    });
    expect(await kubectl('logs', 'plain')).toContain('This pod is simulated');
  });

  it.each([
    ['image-pull-error', 'Pending', { waiting: { reason: 'ImagePullBackOff' } }, 0, 'Failed'],
    ['config-error', 'Pending', { waiting: { reason: 'CreateContainerConfigError' } }, 0, 'Failed'],
    ['crash-loop', 'Running', { waiting: { reason: 'CrashLoopBackOff' } }, 5, 'BackOff'],
    ['not-ready', 'Running', { running: {} }, 0, 'Unhealthy'],
  ])('simulates %s', async (failure, phase, containerState, restartCount, reason) => {
    await apply(pod(failure, { 'datamill.io/simulate': failure }));
    await eventually(async () => {
      const { status } = await read('pod', failure);
      expect(status).toMatchObject({
        phase,
        containerStatuses: [{ ready: false, restartCount, state: containerState }],
      });
      expect(status.conditions).toContainEqual(expect.objectContaining({ type: 'Ready', status: 'False' }));
      if (failure === 'crash-loop') expect(status.containerStatuses[0].lastState.terminated.exitCode).toBe(1);
      const { items } = await read('events', '--field-selector', `involvedObject.name=${failure}`);
      expect(items.map((event: { reason: string }) => event.reason)).toContain(reason);
    });
  });

  it('still does so a while later', async () => {
    await pause(2_000);
    for (const failure of ['image-pull-error', 'config-error', 'crash-loop', 'not-ready']) {
      const { conditions } = (await read('pod', failure)).status;
      expect(conditions).toContainEqual(expect.objectContaining({ type: 'Ready', status: 'False' }));
    }
  });
});
