import { describe, expect, it } from 'vitest';
import { diagnose } from '../../../../src/kube/diagnose.ts';
import type { KubeObject } from '../../../../src/kube/types.ts';
import { ago, claim, event, now, snapshot, storageClass } from './cluster.ts';

function judge(it: KubeObject, storageClasses?: KubeObject[], events: KubeObject[] = []) {
  return diagnose(snapshot({ claims: [it], storageClasses, events }), now)[0];
}

const classes = [storageClass('standard'), storageClass('slow')];
const isDefault = { 'storageclass.kubernetes.io/is-default-class': 'true' };

describe('claims', () => {
  it('give up on a storage class that does not exist, and name those that do', () => {
    expect(judge(claim('data', { storageClassName: 'fast' }), classes)).toMatchObject({
      object: 'PersistentVolumeClaim/data',
      severity: 'error',
      healing: false,
      message: 'storage class "fast" does not exist; there are: slow, standard',
    });
  });

  it('give up without any class at all', () => {
    expect(judge(claim('data', { storageClassName: 'fast' }), [])?.message).toBe(
      'storage class "fast" does not exist; the cluster has none',
    );
    expect(judge(claim('data', {}), classes)).toMatchObject({
      healing: false,
      message: 'names no storage class and the cluster has no default one; there are: slow, standard',
    });
  });

  it.each([
    ['without the right to list classes', claim('data', { storageClassName: 'fast' }), undefined],
    ['for a volume that is named', claim('data', { storageClassName: 'fast', volumeName: 'pv-1' }), classes],
    ['for a volume without a class', claim('data', { storageClassName: '' }), classes],
    ['for the default class', claim('data', {}), [storageClass('standard', {}, isDefault)]],
    [
      'in their first seconds',
      {
        ...claim('data', { storageClassName: 'fast' }),
        metadata: { name: 'data', creationTimestamp: ago(2) },
      },
      classes,
    ],
  ])('wait %s', (_name, it, known) => {
    expect(judge(it, known)).toMatchObject({ severity: 'pending', healing: true });
  });

  it('wait in the words of the provisioner', () => {
    const it = claim('data', { storageClassName: 'slow' });
    const message = 'failed to provision volume with StorageClass "slow": quota of disks exceeded';
    expect(judge(it, classes, [event(it, 'ProvisioningFailed', message)])).toMatchObject({
      severity: 'pending',
      reason: 'ProvisioningFailed',
      message,
    });
    const external = event(it, 'ExternalProvisioning', 'Waiting for a volume to be created', {
      type: 'Normal',
    });
    expect(judge(it, classes, [external])).toMatchObject({
      reason: 'ExternalProvisioning',
      message: 'Waiting for a volume to be created',
    });
  });

  it.each([
    ['after three tries and 20 s', 3, 21, false],
    ['not after two', 2, 60, true],
    ['nor as long as the provisioner may be starting', 4, 19, true],
  ])('give up what cannot be provisioned %s', (_name, count, seconds, healing) => {
    const it = claim('data', { storageClassName: 'slow' });
    const message = 'failed to provision volume with StorageClass "slow": no such pool';
    const failed = event(it, 'ProvisioningFailed', message, { count, firstTimestamp: ago(seconds) });
    expect(judge(it, classes, [failed])).toMatchObject({
      healing,
      message: healing ? message : `${message} (tried ${count} times)`,
    });
  });

  it('learn of a missing class from the events where classes may not be listed', () => {
    const it = claim('data', { storageClassName: 'fast' });
    const failed = event(it, 'ProvisioningFailed', 'storageclass.storage.k8s.io "fast" not found');
    expect(judge(it, undefined, [failed])).toMatchObject({
      healing: false,
      message: 'storageclass.storage.k8s.io "fast" not found',
    });
  });

  it('are fine when they wait for their first pod', () => {
    const it = claim('data', { storageClassName: 'late' });
    const late = storageClass('late', { volumeBindingMode: 'WaitForFirstConsumer' });
    const words = event(
      it,
      'WaitForFirstConsumer',
      'waiting for first consumer to be created before binding',
      { type: 'Normal' },
    );
    expect(judge(it, [late])).toBeUndefined();
    expect(judge(it, [late], [words])).toBeUndefined();
    expect(judge(it, undefined, [words])).toBeUndefined();
  });

  it('are fine when they are bound', () => {
    expect(judge(claim('data', { storageClassName: 'gone' }, { phase: 'Bound' }), classes)).toBeUndefined();
  });

  it('are lost with their volume', () => {
    expect(judge(claim('data', { volumeName: 'pv-1' }, { phase: 'Lost' }), classes)).toMatchObject({
      healing: false,
      message: 'its volume pv-1 is gone',
    });
  });
});
