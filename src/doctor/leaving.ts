import { workloadOf } from '../kube/diagnose.ts';
import type { KubeObject } from '../kube/types.ts';
import type { InstallRecord } from '../plan/record.ts';
import type { ResolvedComponent } from '../resolve/types.ts';

/**
 * Whether a pod is of these components: installing them again replaces it, so that what it takes
 * up is not to be counted beside what replaces it.
 */
export function podsOfComponents(
  components: ReadonlyArray<{
    component: Pick<ResolvedComponent, 'release' | 'namespace'>;
    record?: InstallRecord;
  }>,
): (pod: KubeObject) => boolean {
  const owned = new Set(
    components.flatMap(({ record }) =>
      (record?.objects ?? []).map(({ namespace, name }) => `${namespace}/${name}`),
    ),
  );
  const releases = new Set(
    components.map(({ component: { namespace, release } }) => `${namespace}/${release}`),
  );
  return (pod) => {
    const { namespace, labels = {} } = pod.metadata;
    const release = labels['app.kubernetes.io/instance'] ?? labels.release;
    return releases.has(`${namespace}/${release}`) || owned.has(`${namespace}/${workloadOf(pod)}`);
  };
}
