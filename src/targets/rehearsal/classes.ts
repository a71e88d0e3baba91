import type { TargetSpec } from '../contract.ts';
import type { Api } from './api.ts';

/** The provisioner that k8s/kwok/volumes.yaml plays. */
const PROVISIONER = 'datamill.io/rehearsal';
const DEFAULT = 'storageclass.kubernetes.io/is-default-class';
const PATH = '/apis/storage.k8s.io/v1/storageclasses';

interface StorageClass {
  metadata: { name: string; annotations?: Record<string, string> };
}

/** Makes the storage classes that the flavour names, and a default one; others are left alone. */
export async function reconcileClasses(api: Api, spec: TargetSpec): Promise<void> {
  const { items } = await api.call<{ items: StorageClass[] }>('GET', PATH);
  const hasDefault = items.some(({ metadata }) => metadata.annotations?.[DEFAULT] === 'true');
  for (const name of new Set(['standard', ...spec.storageClasses])) {
    if (items.some(({ metadata }) => metadata.name === name)) continue;
    await api.call('POST', PATH, manifest(name, name === 'standard' && !hasDefault), [409]);
  }
}

function manifest(name: string, isDefault: boolean) {
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name, annotations: isDefault ? { [DEFAULT]: 'true' } : {} },
    provisioner: PROVISIONER,
    reclaimPolicy: 'Delete',
    volumeBindingMode: 'Immediate',
    allowVolumeExpansion: true,
  };
}
