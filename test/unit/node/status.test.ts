import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../src/kube/types.ts';
import { judgeRun } from '../../../src/node/job/status.ts';

const NOW = Date.parse('2026-01-01T00:10:00Z');
const PATIENCE = { pull: 60_000, start: 600_000, retries: 0 };

function job(...conditions: object[]): KubeObject {
  const metadata = { name: '7', creationTimestamp: '2026-01-01T00:09:59Z' };
  return { apiVersion: 'batch/v1', kind: 'Job', metadata, status: { conditions } };
}

function pod(status: object, secondsAgo = 1, name = 'p'): KubeObject {
  const creationTimestamp = new Date(NOW - secondsAgo * 1000).toISOString();
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, creationTimestamp }, status: { ...status } };
}

const algorithm = (state: object, more: object = {}) => ({
  containerStatuses: [{ name: '7', containerID: 'containerd://1', state, ...more }],
});
const ended = (exitCode: number, reason = 'Error') => algorithm({ terminated: { exitCode, reason } });
const waiting = (reason: string, message = '') => algorithm({ waiting: { reason, message } });
const see = (pods: KubeObject[], of = job(), patience = PATIENCE) => judgeRun(of, pods, '7', patience, NOW);

describe('what a run is', () => {
  it.each([
    ['a Job without a pod', [], 'initializing'],
    ['a pod that is not scheduled', [pod({ phase: 'Pending' }, 180)], 'initializing'],
    [
      'an image that is pulled for long',
      [pod({ phase: 'Pending', ...waiting('ContainerCreating') }, 300)],
      'initializing',
    ],
    [
      'a pull that failed once',
      [pod({ phase: 'Pending', ...waiting('ErrImagePull', 'timeout') }, 5)],
      'initializing',
    ],
    [
      'a pull that goes on failing',
      [pod({ phase: 'Pending', ...waiting('ImagePullBackOff') }, 70)],
      'non-existing Docker image',
    ],
    [
      'an image that is not there',
      [pod({ phase: 'Pending', ...waiting('ErrImagePull', 'not found') }, 1)],
      'non-existing Docker image',
    ],
    [
      'a name that is none',
      [pod({ phase: 'Pending', ...waiting('InvalidImageName') }, 1)],
      'non-existing Docker image',
    ],
    ['a pod that never begins', [pod({ phase: 'Pending' }, 700)], 'start failed'],
    [
      'a container that cannot be made',
      [pod({ phase: 'Pending', ...waiting('CreateContainerConfigError') }, 70)],
      'start failed',
    ],
    ['an algorithm that runs', [pod({ phase: 'Running', ...algorithm({ running: {} }) })], 'active'],
    ['one whose output is being read', [pod({ phase: 'Running', ...ended(0, 'Completed') })], 'active'],
    ['one that ended', [pod({ phase: 'Succeeded', ...ended(0, 'Completed') })], 'completed'],
    ['one that failed', [pod({ phase: 'Failed', ...ended(3) })], 'crashed'],
    ['one without memory', [pod({ phase: 'Failed', ...ended(137, 'OOMKilled') })], 'crashed'],
  ])('%s', (_, pods, status) => {
    expect(see(pods).status).toBe(status);
  });

  it('says why, in the words of the cluster', () => {
    expect(see([pod({ phase: 'Failed', ...ended(137, 'OOMKilled') })]).message).toMatch(/137.*OOMKilled/);
    const conditions = [{ type: 'PodScheduled', status: 'False', message: '0/1 nodes are available' }];
    expect(see([pod({ phase: 'Pending', conditions }, 700)]).message).toBe('0/1 nodes are available');
  });

  it('waits for another try where there is one', () => {
    const failed = pod({ phase: 'Failed', ...ended(1) });
    const retries = { ...PATIENCE, retries: 3 };

    expect(see([failed], job(), retries).status).not.toBe('crashed');
    const again = pod({ phase: 'Succeeded', ...ended(0) }, 0, 'q');
    expect(see([failed, again], job(), retries)).toMatchObject({ status: 'completed', pod: 'q' });
    const over = job({ type: 'Failed', status: 'True', reason: 'BackoffLimitExceeded' });
    expect(see([failed], over, retries).status).toBe('crashed');
  });

  it('takes a pod that the cluster took away for no end', () => {
    const conditions = [{ type: 'DisruptionTarget', status: 'True' }];

    expect(see([pod({ phase: 'Failed', conditions, ...ended(137) })]).status).toBe('active');
  });

  it('tells a gate that did not open from an algorithm that failed', () => {
    const initContainerStatuses = [
      {
        name: 'gate',
        state: { terminated: { exitCode: 78, message: 'not isolated, open are: 1.1.1.1:443' } },
      },
    ];
    const seen = see([pod({ phase: 'Failed', initContainerStatuses })]);

    expect(seen).toMatchObject({ status: 'start failed', began: false });
    expect(seen.message).toContain('1.1.1.1:443');
  });

  it('knows a deadline', () => {
    const over = job({ type: 'Failed', status: 'True', reason: 'DeadlineExceeded', message: 'too long' });

    expect(see([], over)).toMatchObject({ status: 'failed', message: 'too long' });
  });
});
