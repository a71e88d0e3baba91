import { describe, expect, it } from 'vitest';
import { diagnose } from '../../../../src/kube/diagnose.ts';
import { ago, event, now, pod, snapshot, waiting } from './cluster.ts';

function look(...args: Parameters<typeof pod>) {
  const it = pod(...args);
  return {
    it,
    find: (events: ReturnType<typeof event>[] = []) => diagnose(snapshot({ pods: [it], events }), now),
  };
}

describe('images', () => {
  it('gives up at once on a name that is none', () => {
    const message =
      'Failed to apply default image tag "Minio::": couldn\'t parse image name: invalid reference format';
    const [finding] = look('minio-a', { status: waiting('InvalidImageName', message) }).find();
    expect(finding).toMatchObject({
      object: 'Pod/minio-a',
      severity: 'error',
      healing: false,
      reason: 'InvalidImageName',
      message,
      container: 'minio',
    });
  });

  const cause =
    'Failed to pull image "registry.example.com/minio:1": rpc error: code = NotFound desc = not found';

  it('waits for the retries of a pull, and names its cause instead of the back-off', () => {
    const { it: target, find } = look('minio-a', { status: waiting('ErrImagePull', 'not found') });
    const [finding] = find([event(target, 'Failed', cause, { count: 2, firstTimestamp: ago(11) })]);
    expect(finding).toMatchObject({
      severity: 'pending',
      healing: true,
      reason: 'ErrImagePull',
      message: cause,
    });
  });

  it('gives up after three pulls', () => {
    const { it: target, find } = look('minio-a', { status: waiting('ErrImagePull', 'not found') });
    expect(find([event(target, 'Failed', cause, { count: 3, firstTimestamp: ago(15) })])[0]).toMatchObject({
      severity: 'error',
      healing: false,
      message: cause,
    });
  });

  const timeout = 'Failed to pull image "registry.example.com/minio:1": dial tcp 10.0.0.1:443: i/o timeout';

  it.each([
    ['after 12 s of what the registry does not have', cause, 1, 13, false],
    ['but not before', cause, 1, 11, true],
    ['nor before the second try where the registry did not answer', timeout, 1, 13, true],
    ['after that second try', timeout, 2, 13, false],
    ['which may come soon and be the last', timeout, 2, 11, true],
    ['and after 20 s in any case', timeout, 1, 21, false],
  ])('gives up in back-off %s', (_name, message, count, seconds, healing) => {
    const { it: target, find } = look('minio-a', {
      status: waiting('ImagePullBackOff', 'Back-off pulling image'),
    });
    const failed = event(target, 'Failed', message, { count, firstTimestamp: ago(seconds) });
    expect(find([failed])[0]).toMatchObject({ healing, message });
  });

  it('goes by the age of the pod when there are no events', () => {
    const status = { ...waiting('ImagePullBackOff', 'Back-off pulling image "x"'), startTime: ago(10) };
    expect(look('young', { status }).find()[0]).toMatchObject({ healing: true });
    expect(look('old', { status: { ...status, startTime: ago(90) } }).find()[0]).toMatchObject({
      healing: false,
      message: 'Back-off pulling image "x"',
    });
  });

  it('does not count the pulls of another container, or of a pod that had the name before', () => {
    const { it: target, find } = look('minio-a', { status: waiting('ErrImagePull', 'not found') });
    const sidecar = event(target, 'Failed', cause, { count: 9 });
    Object.assign(sidecar.involvedObject as object, { fieldPath: 'spec.containers{sidecar}' });
    const earlier = event(target, 'Failed', cause, { count: 9 });
    Object.assign(earlier.involvedObject as object, { uid: 'of-an-earlier-pod' });
    expect(find([sidecar, earlier])[0]).toMatchObject({ healing: true });
  });

  it('reads events of the newer API as well', () => {
    const { it: target, find } = look('minio-a', { status: waiting('ErrImagePull', 'not found') });
    const {
      involvedObject,
      message,
      count: _count,
      firstTimestamp: _first,
      lastTimestamp: _last,
      ...rest
    } = event(target, 'Failed', cause);
    const newer = {
      ...rest,
      apiVersion: 'events.k8s.io/v1',
      regarding: involvedObject,
      note: message,
      eventTime: ago(40),
      series: { count: 4, lastObservedTime: ago(2) },
    };
    expect(find([newer])[0]).toMatchObject({ healing: false, message: cause });
  });
});

describe('containers that cannot be made', () => {
  it.each(['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError'])(
    'gives %s ten seconds',
    (reason) => {
      const { it: target, find } = look('minio-a', { status: waiting(reason, 'secret "minio" not found') });
      const since = (seconds: number) =>
        find([
          event(target, 'Failed', 'Error: secret "minio" not found', { firstTimestamp: ago(seconds) }),
        ])[0];
      expect(since(5)).toMatchObject({
        severity: 'pending',
        healing: true,
        reason,
        message: 'secret "minio" not found',
      });
      expect(since(11)).toMatchObject({ severity: 'error', healing: false, reason });
    },
  );
});

describe('containers that crash', () => {
  const died = (more: object) => ({ lastState: { terminated: { exitCode: 1, reason: 'Error', ...more } } });

  it('lets a crash loop heal until the fifth restart', () => {
    const at = (restartCount: number) =>
      look('minio-a', {
        status: waiting('CrashLoopBackOff', 'back-off 40s', { restartCount, ...died({}) }),
      }).find()[0];
    expect(at(2)).toMatchObject({
      severity: 'pending',
      healing: true,
      wantLogs: true,
      message: 'container minio exited with code 1, restarted 2 times',
    });
    expect(at(5)).toMatchObject({
      severity: 'error',
      healing: false,
      reason: 'CrashLoopBackOff',
      wantLogs: true,
    });
  });

  it('names the limit of what ran out of memory', () => {
    const status = waiting('CrashLoopBackOff', '', {
      restartCount: 1,
      ...died({ exitCode: 137, reason: 'OOMKilled' }),
    });
    expect(look('minio-a', { status }).find()[0]?.message).toBe(
      'container minio needed more than its memory limit of 256 MiB (OOMKilled), restarted 1 time',
    );
  });

  it('quotes the last line of what the container said about its end', () => {
    const status = waiting('CrashLoopBackOff', '', {
      restartCount: 1,
      ...died({ message: 'starting\nno such bucket: data\n' }),
    });
    expect(look('minio-a', { status }).find()[0]?.message).toContain(
      'exited with code 1: no such bucket: data',
    );
  });

  it('tells of a container that ended a moment ago', () => {
    const status = {
      containerStatuses: [
        {
          name: 'minio',
          ready: false,
          restartCount: 0,
          state: { terminated: { exitCode: 2, reason: 'Error' } },
          lastState: {},
        },
      ],
    };
    expect(look('minio-a', { status }).find()[0]).toMatchObject({
      reason: 'Error',
      healing: true,
      wantLogs: true,
      message: 'container minio exited with code 2',
    });
  });

  it('looks at init containers in the same way', () => {
    const init = {
      name: 'migrate',
      ready: false,
      restartCount: 6,
      state: { waiting: { reason: 'CrashLoopBackOff' } },
      ...died({}),
    };
    const status = { initContainerStatuses: [init], ...waiting('PodInitializing') };
    const findings = look('minio-a', {
      spec: { initContainers: [{ name: 'migrate' }], containers: [{ name: 'minio' }] },
      status,
    }).find();
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({
      container: 'migrate',
      healing: false,
      message: 'init container migrate exited with code 1, restarted 6 times',
    });
  });
});

describe('containers on their way', () => {
  const creating = () => look('minio-a', { status: waiting('ContainerCreating') });

  it('says what is pulled, and for how long', () => {
    const { it: target, find } = creating();
    const pulling = event(target, 'Pulling', 'Pulling image "registry.example.com/minio:1"', {
      type: 'Normal',
      firstTimestamp: ago(20),
      lastTimestamp: ago(20),
    });
    expect(find([pulling])[0]).toMatchObject({
      severity: 'pending',
      healing: true,
      reason: 'Pulling',
      message: 'Pulling image "registry.example.com/minio:1" for 20 s',
    });
  });

  it('tells why a running container is not ready', () => {
    const status = {
      phase: 'Running',
      containerStatuses: [
        { name: 'minio', ready: false, restartCount: 0, state: { running: {} }, lastState: {} },
      ],
    };
    const { it: target, find } = look('minio-a', { status });
    const probe = 'Readiness probe failed: HTTP probe failed with statuscode: 503';
    expect(find([event(target, 'Unhealthy', probe)])[0]).toMatchObject({
      healing: true,
      reason: 'Unhealthy',
      message: probe,
    });
    expect(find([])[0]).toMatchObject({ severity: 'pending', healing: true });
  });

  it('names the init container that is running', () => {
    const status = {
      initContainerStatuses: [{ name: 'wait-for-db', state: { running: {} }, restartCount: 0 }],
      ...waiting('PodInitializing'),
    };
    expect(look('minio-a', { status }).find()[0]?.message).toBe('init container wait-for-db is running');
  });

  it('gives a Secret that is not there 30 seconds, a slow disk longer', () => {
    const { it: target, find } = creating();
    const missing = 'MountVolume.SetUp failed for volume "auth" : secret "minio-auth" not found';
    const since = (message: string, seconds: number) =>
      find([event(target, 'FailedMount', message, { firstTimestamp: ago(seconds) })])[0];
    expect(since(missing, 20)).toMatchObject({
      severity: 'pending',
      healing: true,
      reason: 'FailedMount',
      message: missing,
    });
    expect(since(missing, 31)).toMatchObject({ severity: 'error', healing: false });
    expect(since('Multi-Attach error for volume "pvc-1"', 300)).toMatchObject({
      severity: 'pending',
      healing: true,
    });
  });

  it('leaves out pods that are ready, completed or being deleted', () => {
    const ready = pod('a', { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } });
    const completed = pod('b', { status: { phase: 'Succeeded' } });
    const going = pod('c', { metadata: { deletionTimestamp: ago(1) }, status: waiting('CrashLoopBackOff') });
    expect(diagnose(snapshot({ pods: [ready, completed, going] }), now)).toEqual([]);
  });

  it('gives up on a failed pod only when nothing replaces it', () => {
    const status = { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' };
    expect(look('kept', { status }).find()[0]).toMatchObject({ healing: true, reason: 'Evicted' });
    expect(look('alone', { status, metadata: { ownerReferences: [] } }).find()[0]).toMatchObject({
      severity: 'error',
      healing: false,
      message: 'The node was low on resource: memory.',
    });
  });
});
