import { randomBytes } from 'node:crypto';
import type { Identity } from '../kube/labels.ts';
import type { KubeObject } from '../kube/types.ts';
import { ownImage } from '../util/image.ts';
import { labelWord, ownerMetadata, userName } from './labels.ts';

export type DebugKind = 'net' | 'app';

/** The container in which the user's command runs. */
export const CONTAINER = 'debug';
/** The user of our images. */
export const USER_ID = 1000;

export interface PodOptions {
  identity: Identity;
  kind: DebugKind;
  /** Our own image of the kind when left out. */
  image?: string;
  node?: string;
  privileged: boolean;
  /** Seconds. */
  ttl: number;
}

const memory: Record<DebugKind, string> = { net: '256Mi', app: '2Gi' };

/** Holds the pod open, and ends at once when it is told to. */
const KEEPER = 'trap "exit 0" TERM; sleep "$1" & wait';

/** The pod of a debug session: it does nothing but wait until its time is over. */
export function debugPod({ identity, kind, image, node, privileged, ttl }: PodOptions): KubeObject {
  const session = randomBytes(4).toString('hex');
  const { labels, annotations } = ownerMetadata(identity, kind, session);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `debug-${kind}-${labelWord(userName()).slice(0, 20)}-${session}`,
      namespace: identity.namespace,
      labels,
      annotations,
    },
    spec: {
      restartPolicy: 'Never',
      activeDeadlineSeconds: Math.ceil(ttl),
      terminationGracePeriodSeconds: 1,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      // Past the scheduler, so that a node can be looked at that takes no more pods.
      ...(node === undefined ? {} : { nodeName: node, tolerations: [{ operator: 'Exists' }] }),
      securityContext: podSecurity(privileged),
      containers: [
        {
          name: CONTAINER,
          image: image ?? ownImage(kind),
          command: ['sh', '-c', KEEPER, 'keeper', String(Math.ceil(ttl) + 60)],
          env: [{ name: 'POD_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } }],
          resources: {
            requests: { cpu: '10m', memory: '32Mi' },
            limits: { cpu: '1', memory: memory[kind] },
          },
          securityContext: containerSecurity(privileged),
        },
      ],
    },
  };
}

function podSecurity(privileged: boolean): Record<string, unknown> {
  if (privileged) return { runAsUser: 0 };
  return {
    runAsNonRoot: true,
    runAsUser: USER_ID,
    runAsGroup: USER_ID,
    fsGroup: USER_ID,
    seccompProfile: { type: 'RuntimeDefault' },
    // Lets everybody ping, without a capability; Kubernetes counts it among the safe ones.
    sysctls: [{ name: 'net.ipv4.ping_group_range', value: '0 2147483647' }],
  };
}

/** What the strictest Pod Security Standard, restricted, asks for. */
export function containerSecurity(privileged: boolean): Record<string, unknown> {
  if (privileged) return { privileged: true };
  return { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
}

/** What runs when no command is given: the best shell that there is, in the user's own folder. */
export const SHELL = ['sh', '-c', 'cd 2>/dev/null; command -v bash >/dev/null 2>&1 && exec bash; exec sh'];
