import type { KubeObject, OwnerReference } from '../kube/types.ts';
import { serverImage } from './image.ts';
import { SESSION, TUNNEL } from './labels.ts';
import { listenPorts, SSH_PORT } from './ports.ts';
import { FOLDER, SSH_UID } from './sshd.ts';
import type { TunnelSpec } from './types.ts';

/** What all objects of a tunnel share. */
export interface Belonging {
  spec: TunnelSpec;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

/** The least that a pod can have; admissible under the `restricted` level of Pod Security. */
const podSecurity = {
  runAsNonRoot: true,
  runAsUser: SSH_UID,
  runAsGroup: SSH_UID,
  fsGroup: SSH_UID,
  seccompProfile: { type: 'RuntimeDefault' },
};
const containerSecurity = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
};

/**
 * The object that everything else belongs to: a Job that has nothing to do, so it is complete at
 * once, and that the cluster removes with all that belongs to it when its time is up. It is made
 * first and in one step, so that whatever happens after it is found, and its name is a lock.
 */
export function anchor({ spec, labels, annotations }: Belonging): KubeObject {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: spec.name, namespace: spec.namespace, labels, annotations },
    spec: {
      completions: 0,
      parallelism: 0,
      ttlSecondsAfterFinished: spec.ttl,
      template: {
        metadata: { labels },
        spec: {
          restartPolicy: 'Never',
          automountServiceAccountToken: false,
          securityContext: podSecurity,
          containers: [{ name: 'nothing', image: spec.image, securityContext: containerSecurity }],
        },
      },
    },
  };
}

function meta({ spec, labels }: Belonging, owner: OwnerReference, name: string = spec.name) {
  return { name, namespace: spec.namespace, labels, ownerReferences: [owner] };
}

/** The name that pods call. It does not know the session, so that it outlives a change of hands. */
export function service(of: Belonging, owner: OwnerReference): KubeObject {
  const targets = listenPorts(of.spec.ports);
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: meta(of, owner),
    spec: {
      type: 'ClusterIP',
      selector: { [TUNNEL]: of.spec.name },
      ports: of.spec.ports.map(({ cluster }) => ({
        name: `p${cluster}`,
        port: cluster,
        targetPort: targets.get(cluster),
        protocol: 'TCP',
      })),
    },
  };
}

/** Where nodes lead to the server of this run: one of an earlier run has another key. */
export function sshService(of: Belonging, owner: OwnerReference): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: meta(of, owner, `${of.spec.name}-ssh`),
    spec: {
      type: 'NodePort',
      selector: of.labels,
      ports: [{ name: 'ssh', port: SSH_PORT, targetPort: SSH_PORT, protocol: 'TCP' }],
    },
  };
}

/**
 * The keys of a run have a name of their own: nodes remember an immutable Secret by its name, and
 * would give those of an earlier run to the next one's pod.
 */
function secretName({ spec, labels }: Belonging): string {
  return `${spec.name}-${labels[SESSION]!.slice(0, 8)}`;
}

export function secret(of: Belonging, owner: OwnerReference, files: Record<string, string>): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: meta(of, owner, secretName(of)),
    type: 'Opaque',
    immutable: true,
    stringData: files,
  };
}

/** In: the ports of the tunnel, from pods that may. Out: nothing at all. */
export function networkPolicy(of: Belonging, owner: OwnerReference): KubeObject {
  const { spec } = of;
  const namespaces = spec.from.map((name) => ({
    namespaceSelector: name === '*' ? {} : { matchLabels: { 'kubernetes.io/metadata.name': name } },
  }));
  const forwarded = [...listenPorts(spec.ports).values()].map((port) => ({ protocol: 'TCP', port }));
  const ingress: object[] = [{ from: [{ podSelector: {} }, ...namespaces], ports: forwarded }];
  if (spec.transport === 'nodeport') ingress.push({ ports: [{ protocol: 'TCP', port: SSH_PORT }] });
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: meta(of, owner),
    spec: {
      podSelector: { matchLabels: { [TUNNEL]: spec.name } },
      policyTypes: ['Ingress', 'Egress'],
      ingress,
      egress: [],
    },
  };
}

export function deployment(of: Belonging, owner: OwnerReference): KubeObject {
  const { spec, labels } = of;
  const { image, command, memory } = serverImage(spec.image);
  const targets = listenPorts(spec.ports);
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: meta(of, owner),
    spec: {
      replicas: 1,
      // Two servers would share the service, and only one of them has a laptop behind it.
      strategy: { type: 'Recreate' },
      revisionHistoryLimit: 0,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          terminationGracePeriodSeconds: 1,
          securityContext: podSecurity,
          containers: [
            {
              name: 'ssh',
              image,
              command,
              imagePullPolicy: 'IfNotPresent',
              ports: spec.ports.map(({ cluster }) => ({
                name: `p${cluster}`,
                containerPort: targets.get(cluster),
                protocol: 'TCP',
              })),
              securityContext: containerSecurity,
              resources: {
                requests: { cpu: '10m', memory: memory.request },
                limits: { memory: memory.limit },
              },
              volumeMounts: [
                { name: 'tunnel', mountPath: FOLDER, readOnly: true },
                { name: 'tunnel', mountPath: '/etc/passwd', subPath: 'passwd', readOnly: true },
              ],
            },
          ],
          volumes: [{ name: 'tunnel', secret: { secretName: secretName(of), defaultMode: 0o440 } }],
        },
      },
    },
  };
}
