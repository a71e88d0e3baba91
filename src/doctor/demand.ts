import { type Amounts, podRequests } from '../kube/diagnose/requests.ts';
import { count, fields, groupKind, objectLabel, text } from '../kube/fields.ts';
import type { KubeObject } from '../kube/types.ts';

/** Pods that a workload asks for. */
export interface Demand {
  component: string;
  /** `Deployment/dask-worker` */
  workload: string;
  /** What one of them is, for the scheduler. */
  pod: KubeObject;
  /** What one of them requests, itself counted as one of the resource `pods`. */
  requests: Amounts;
  /** How many there are at a time; `each-node` for a DaemonSet. */
  pods: number | 'each-node';
  /** Pods that come and go, such as those of a CronJob: they have to fit, but not beside the others. */
  passing: boolean;
}

/**
 * The pods that these objects will have. Objects of custom kinds are not looked into.
 *
 * @param promised resources that the flavour itself brings to the nodes, such as those of a GPU operator
 */
export function demandsOf(
  component: string,
  objects: readonly KubeObject[],
  promised: ReadonlySet<string> = new Set(),
): Demand[] {
  const least = minimaOf(objects);
  return objects.flatMap((object) => {
    const found = podsOf(object, least);
    if (found === undefined || found.pods === 0) return [];
    const { metadata, spec } = fields(found.template) as { metadata?: KubeObject['metadata']; spec?: object };
    const pod: KubeObject = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...metadata, name: object.metadata.name },
      spec: { ...spec },
    };
    const requests = new Map(podRequests(pod)).set('pods', 1);
    for (const name of promised) requests.delete(name);
    const { pods, passing = false } = found;
    return [{ component, workload: objectLabel(object), pod, requests, pods, passing }];
  });
}

interface Pods {
  template: unknown;
  pods: Demand['pods'];
  passing?: boolean;
}

function podsOf(object: KubeObject, least: ReadonlyMap<string, number>): Pods | undefined {
  const spec = fields(object.spec);
  const { template } = spec;
  switch (groupKind(object)) {
    case 'Pod':
      return { template: object, pods: 1 };
    case 'apps/Deployment':
    case 'apps/StatefulSet':
    case 'apps/ReplicaSet':
      return { template, pods: Math.max(count(spec.replicas, 1), least.get(objectLabel(object)) ?? 0) };
    case 'apps/DaemonSet':
      return { template, pods: 'each-node' };
    case 'batch/Job':
      return { template, pods: spec.suspend === true ? 0 : count(spec.parallelism, 1), passing: true };
    case 'batch/CronJob':
      return { template: fields(fields(spec.jobTemplate).spec).template, pods: 1, passing: true };
    default:
      return undefined;
  }
}

/** The least number of pods that autoscalers keep, by what they scale. */
function minimaOf(objects: readonly KubeObject[]): Map<string, number> {
  const scalers = objects.filter(({ kind }) => kind === 'HorizontalPodAutoscaler');
  return new Map(
    scalers.map(({ spec }) => {
      const { kind, name } = fields(spec?.scaleTargetRef);
      return [`${text(kind)}/${text(name)}`, count(spec?.minReplicas, 1)];
    }),
  );
}
