import { configError } from '../errors.ts';
import type { Api } from './client.ts';
import type { KubeObject } from './types.ts';

/** How a kind is addressed in the API. */
export interface Resource {
  plural: string;
  namespaced: boolean;
}

const ns = (plural: string): Resource => ({ plural, namespaced: true });
const cluster = (plural: string): Resource => ({ plural, namespaced: false });

/** Kinds that charts use all the time, so that nothing need be asked of the API server. */
const builtIn: Readonly<Record<string, Resource>> = {
  'v1/ConfigMap': ns('configmaps'),
  'v1/Secret': ns('secrets'),
  'v1/Service': ns('services'),
  'v1/ServiceAccount': ns('serviceaccounts'),
  'v1/Pod': ns('pods'),
  'v1/Event': ns('events'),
  'v1/PersistentVolumeClaim': ns('persistentvolumeclaims'),
  'v1/Endpoints': ns('endpoints'),
  'v1/Namespace': cluster('namespaces'),
  'v1/Node': cluster('nodes'),
  'v1/PersistentVolume': cluster('persistentvolumes'),
  'apps/v1/Deployment': ns('deployments'),
  'apps/v1/StatefulSet': ns('statefulsets'),
  'apps/v1/DaemonSet': ns('daemonsets'),
  'apps/v1/ReplicaSet': ns('replicasets'),
  'batch/v1/Job': ns('jobs'),
  'batch/v1/CronJob': ns('cronjobs'),
  'policy/v1/PodDisruptionBudget': ns('poddisruptionbudgets'),
  'networking.k8s.io/v1/NetworkPolicy': ns('networkpolicies'),
  'networking.k8s.io/v1/Ingress': ns('ingresses'),
  'autoscaling/v2/HorizontalPodAutoscaler': ns('horizontalpodautoscalers'),
  'rbac.authorization.k8s.io/v1/Role': ns('roles'),
  'rbac.authorization.k8s.io/v1/RoleBinding': ns('rolebindings'),
  'rbac.authorization.k8s.io/v1/ClusterRole': cluster('clusterroles'),
  'rbac.authorization.k8s.io/v1/ClusterRoleBinding': cluster('clusterrolebindings'),
  'storage.k8s.io/v1/StorageClass': cluster('storageclasses'),
  'coordination.k8s.io/v1/Lease': ns('leases'),
  'apiextensions.k8s.io/v1/CustomResourceDefinition': cluster('customresourcedefinitions'),
};

const discovered = new WeakMap<Api, Map<string, Promise<Map<string, Resource>>>>();

/**
 * Finds how a kind is addressed; custom kinds are asked of the API server once.
 *
 * @throws {DatamillError} UNKNOWN_KIND (exit 2) when the cluster does not know the kind.
 */
export async function resourceOf(api: Api, apiVersion: string, kind: string): Promise<Resource> {
  const known = builtIn[`${apiVersion}/${kind}`];
  if (known !== undefined) return known;
  const groups = discovered.get(api) ?? new Map<string, Promise<Map<string, Resource>>>();
  discovered.set(api, groups);
  const group = groups.get(apiVersion) ?? discover(api, apiVersion);
  groups.set(apiVersion, group);
  const resource = (await group).get(kind);
  if (resource !== undefined) return resource;
  groups.delete(apiVersion);
  throw configError('UNKNOWN_KIND', `the cluster does not know the kind ${kind} of ${apiVersion}`, {
    hint: 'is the component that brings its definition (CRD) installed?',
  });
}

async function discover(api: Api, apiVersion: string): Promise<Map<string, Resource>> {
  interface List {
    resources?: Array<{ name: string; kind: string; namespaced: boolean }>;
  }
  const list = await api.find<List>(root(apiVersion));
  const found = (list?.resources ?? []).filter(({ name }) => !name.includes('/'));
  return new Map(found.map(({ name, kind, namespaced }) => [kind, { plural: name, namespaced }]));
}

function root(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

/** What identifies an object. */
export interface ObjectRef {
  apiVersion: string;
  kind: string;
  name: string;
  namespace?: string;
}

/** URL path of an object, or of its collection when `name` is empty. */
export async function pathOf(api: Api, ref: ObjectRef): Promise<string> {
  const { plural, namespaced } = await resourceOf(api, ref.apiVersion, ref.kind);
  const scope =
    namespaced && ref.namespace !== undefined ? `/namespaces/${encodeURIComponent(ref.namespace)}` : '';
  return `${root(ref.apiVersion)}${scope}/${plural}${ref.name === '' ? '' : `/${encodeURIComponent(ref.name)}`}`;
}

export function refOf(object: KubeObject, namespace?: string): ObjectRef {
  const { apiVersion, kind, metadata } = object;
  return { apiVersion, kind, name: metadata.name, namespace: metadata.namespace ?? namespace };
}

export function refKey({ apiVersion, kind, name, namespace }: ObjectRef): string {
  return `${apiVersion}/${kind}/${namespace ?? ''}/${name}`;
}
