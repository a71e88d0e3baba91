import type { KubeObject } from '../../kube/types.ts';
import type { NodeConfig } from '../config.ts';
import type { Layout } from '../protocol/contract.ts';
import type { RunRequest } from '../types.ts';
import { NODE, refAnnotation, runLabels } from './labels.ts';
import { COLLECT, GATE, LISTENS, NOT_ISOLATED } from './scripts.ts';
import { volumesOf } from './volumes.ts';

/** Containers beside the one of the algorithm. */
export const GATE_CONTAINER = 'gate';
export const OUTPUT_CONTAINER = 'output';
/** Seconds that the output may take to be printed, and the algorithm to end when it is killed. */
const GRACE = 30;

/** What the gate of a run has to prove, as words of its script. */
export interface GateWords {
  proxyIp: string;
  proxyPort: number;
  /** `IP:PORT` of what must be out of reach. */
  closed: string[];
  /** Empty when algorithms may ask it. */
  dnsIp: string;
}

export interface JobOptions {
  config: NodeConfig;
  request: RunRequest;
  /** The image that the policies have judged. */
  image: string;
  layout: Layout;
  /** Undefined where nothing holds algorithms, and that was accepted. */
  gate?: GateWords;
}

/** The Secret with the files that the node gives to a run. */
export function filesSecret(layout: Layout): string {
  return `${layout.jobName}-files`;
}

/** The name of the container that the algorithm runs in: as the Job, without what a label may not hold. */
function algorithmContainer(layout: Pick<Layout, 'jobName'>): string {
  return layout.jobName;
}

/** The Job of a run, admissible where pods are restricted. */
export function runJob({ config, request, image, layout, gate }: JobOptions): KubeObject {
  const { jobs, name: node } = config;
  const labels = runLabels(node, request.runId, layout.jobName);
  const { volumes, mounts, output } = volumesOf(config, layout, request.runId, filesSecret(layout));
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: layout.jobName,
      namespace: jobs.namespace,
      labels,
      annotations: { ...jobs.annotations, ...refAnnotation(request) },
    },
    spec: {
      backoffLimit: jobs.retries,
      completions: 1,
      parallelism: 1,
      activeDeadlineSeconds: jobs.max_seconds + jobs.start_seconds,
      podReplacementPolicy: 'Failed',
      podFailurePolicy: {
        rules: [
          // A pod that the cluster took away is another try, however many there were.
          { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
          {
            action: 'FailJob',
            onExitCodes: { containerName: GATE_CONTAINER, operator: 'In', values: [NOT_ISOLATED] },
          },
        ].slice(0, gate === undefined ? 1 : 2),
      },
      template: {
        metadata: { labels, annotations: jobs.annotations },
        spec: {
          ...podSettings(config, gate),
          initContainers: [
            ...(gate === undefined ? [] : [gateContainer(config, gate)]),
            outputContainer(config, layout, output),
          ],
          containers: [
            {
              name: algorithmContainer(layout),
              image,
              imagePullPolicy: jobs.pull_policy,
              command: layout.command,
              args: layout.args,
              env: layout.env,
              resources: { requests: jobs.requests, limits: jobs.limits },
              securityContext: containerSecurity(jobs.read_only_root),
              volumeMounts: mounts,
            },
          ],
          volumes,
        },
      },
    },
  };
}

function podSettings({ jobs, proxy }: NodeConfig, gate: GateWords | undefined): Record<string, unknown> {
  const names = [...proxy.names, proxy.service];
  return {
    restartPolicy: 'Never',
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: GRACE,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: jobs.user,
      runAsGroup: jobs.user,
      fsGroup: jobs.user,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    // Found without DNS, which would be a way out.
    ...(gate === undefined ? {} : { hostAliases: [{ ip: gate.proxyIp, hostnames: names }] }),
    ...(jobs.pull_secrets.length === 0
      ? {}
      : { imagePullSecrets: jobs.pull_secrets.map((name) => ({ name })) }),
    ...(jobs.runtime_class === undefined ? {} : { runtimeClassName: jobs.runtime_class }),
    ...(Object.keys(jobs.node_selector).length === 0 ? {} : { nodeSelector: jobs.node_selector }),
  };
}

function containerSecurity(readOnlyRootFilesystem: boolean): Record<string, unknown> {
  return { allowPrivilegeEscalation: false, readOnlyRootFilesystem, capabilities: { drop: ['ALL'] } };
}

function helper(config: NodeConfig, name: string, script: string, words: readonly string[]) {
  return {
    name,
    image: config.jobs.helper_image,
    command: ['sh', '-c', script, name, ...words],
    resources: { requests: { cpu: '5m', memory: '8Mi' }, limits: { cpu: '500m', memory: '64Mi' } },
    securityContext: containerSecurity(true),
  };
}

/** Ends well only when it has seen from inside that the pod is isolated; nothing else starts before. */
function gateContainer(config: NodeConfig, gate: GateWords, { open = true } = {}) {
  const { proxyIp, proxyPort, dnsIp, closed } = gate;
  const words = [proxyIp, String(proxyPort), String(config.isolation.gate_seconds), dnsIp];
  return helper(config, GATE_CONTAINER, GATE, [...words, open ? 'yes' : 'no', ...closed]);
}

/** A sidecar as Kubernetes has them since 1.29: started before the algorithm, told to end after it. */
function outputContainer(config: NodeConfig, layout: Layout, output: Record<string, unknown>) {
  const words = [layout.outputFolder, String(config.jobs.max_result_bytes)];
  return {
    ...helper(config, OUTPUT_CONTAINER, COLLECT, words),
    restartPolicy: 'Always',
    lifecycle: { postStart: { exec: { command: ['sh', '-c', LISTENS] } } },
    volumeMounts: [output],
  };
}

/** The pod that shows before the first Job that a namespace is isolated. */
export function probePod(config: NodeConfig, gate: GateWords, name: string): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: config.jobs.namespace,
      labels: { ...runLabels(config.name, 0, name), [NODE]: config.name },
      annotations: config.jobs.annotations,
    },
    spec: {
      ...podSettings(config, gate),
      activeDeadlineSeconds: config.isolation.gate_seconds + 120,
      containers: [gateContainer(config, gate)],
    },
  };
}
