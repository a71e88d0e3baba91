import { stringify } from 'yaml';
import { unreachableError } from '../errors.ts';
import type { ExecResult } from '../util/exec.ts';
import type { TargetSpec, TargetState } from './contract.ts';
import { gpuCost } from './cloud/costs.ts';
import { autoscaling, gpuNodes, nodesOf } from './cloud/nodes.ts';
import { planned } from './planned/planned.ts';
import type { Planner, Request } from './planned/planner.ts';
import { flagSetting, listSetting, plainVersion, textSetting } from './planned/settings.ts';

const GROUP = 'workers';

/** A cluster of EKS, by eksctl; credentials are those that the AWS tools find by themselves. */
export const awsPlanner: Planner = {
  name: 'aws',
  abilities: {
    stop: true,
    nodes: true,
    sizes: false,
    images: false,
    gpu: 'component',
    storageClass: 'gp2',
    billed: true,
    tried: 'documentation',
  },
  programs: () => [
    {
      name: 'eksctl',
      version: { args: ['version'], accept: '>=0.190.0' },
      install: 'install eksctl: https://eksctl.io/installation',
    },
    {
      name: 'aws',
      version: { args: ['--version'], accept: '>=2.0.0' },
      install: 'install the AWS command line, which kubectl logs in with: https://aws.amazon.com/cli',
    },
  ],
  look: ({ spec }) => [
    {
      about: 'asking EKS',
      command: ['eksctl', 'get', 'nodegroup', '--cluster', spec.name, ...region(spec), '-o', 'json'],
    },
  ],
  read,
  create: (request) => [
    {
      about: `making the EKS cluster ${request.spec.name}: about 20 minutes`,
      command: ['eksctl', 'create', 'cluster', '-f', '-', '--kubeconfig', request.kubeconfig],
      input: stringify(configOf(request)),
    },
  ],
  start: ({ spec }) => [scale(spec, nodesOf(spec), 'bringing the nodes back')],
  stop: ({ spec }) => [scale(spec, 0, 'taking the nodes away; the control plane stays, and is paid for')],
  destroy: ({ spec }) => [
    {
      about: `deleting the EKS cluster ${spec.name}`,
      command: ['eksctl', 'delete', 'cluster', '--name', spec.name, ...region(spec), '--wait'],
    },
  ],
  kubeconfig: ({ spec, kubeconfig }) => ({
    about: 'writing the kubeconfig',
    command: [
      'eksctl',
      'utils',
      'write-kubeconfig',
      '--cluster',
      spec.name,
      ...region(spec),
      '--kubeconfig',
      kubeconfig,
    ],
    prints: false,
  }),
  loadImage: () => [],
  costs: (spec) => [
    'one control plane of EKS, by the hour',
    `${nodesOf(spec)} nodes of ${textSetting(spec, 'node_size') ?? 'm5.large'}${flagSetting(spec, 'spot') ? ' at spot prices' : ''}, with their disks`,
    ...gpuCost(gpuNodes(spec)),
    'one NAT gateway, and load balancers for services that ask for one',
  ],
  explain,
};

export const aws = planned(awsPlanner);

function region(spec: TargetSpec): string[] {
  const name = textSetting(spec, 'region');
  return name === undefined ? [] : ['--region', name];
}

function scale(spec: TargetSpec, nodes: number, about: string) {
  const sizes = [
    '--nodes',
    String(nodes),
    '--nodes-min',
    String(Math.min(nodes, autoscaling(spec)?.min ?? nodes)),
  ];
  return {
    about,
    command: [
      'eksctl',
      'scale',
      'nodegroup',
      '--cluster',
      spec.name,
      '--name',
      GROUP,
      ...region(spec),
      ...sizes,
    ],
  };
}

/** ClusterConfig of eksctl.io/v1alpha5. */
function configOf({ spec }: Request) {
  const zones = listSetting(spec, 'zones');
  const scaling = autoscaling(spec);
  const nodes = nodesOf(spec);
  const gpu = gpuNodes(spec);
  const disk = /^(\d+)/.exec(spec.storage ?? '')?.[1];
  const where = zones.length === 0 ? {} : { availabilityZones: zones };
  return {
    apiVersion: 'eksctl.io/v1alpha5',
    kind: 'ClusterConfig',
    metadata: {
      name: spec.name,
      region: textSetting(spec, 'region'),
      ...(plainVersion(spec) ? { version: plainVersion(spec) } : {}),
    },
    // The control plane wants two zones: with one, eksctl chooses, and only the nodes stay in it.
    ...(zones.length > 1 ? where : {}),
    iam: { withOIDC: true },
    addons: [{ name: 'aws-ebs-csi-driver', wellKnownPolicies: { ebsCSIController: true } }],
    managedNodeGroups: [
      {
        name: GROUP,
        instanceType: textSetting(spec, 'node_size') ?? 'm5.large',
        desiredCapacity: nodes,
        minSize: scaling?.min ?? nodes,
        maxSize: scaling?.max ?? nodes,
        ...(flagSetting(spec, 'spot') ? { spot: true } : {}),
        ...(disk === undefined ? {} : { volumeSize: Number(disk) }),
        ...where,
      },
      ...(gpu === undefined
        ? []
        : [
            {
              name: 'gpu',
              instanceType: gpu.size,
              desiredCapacity: gpu.count,
              minSize: 0,
              maxSize: gpu.count,
              ...(gpu.spot ? { spot: true } : {}),
              taints: [{ key: 'nvidia.com/gpu', value: 'true', effect: 'NoSchedule' }],
              ...where,
            },
          ]),
    ],
  };
}

interface NodeGroup {
  DesiredCapacity?: number;
}

function read([result]: readonly ExecResult[]): TargetState {
  if (result!.exitCode !== 0) return 'absent';
  try {
    const groups = JSON.parse(result!.stdout) as NodeGroup[];
    return groups.some(({ DesiredCapacity }) => (DesiredCapacity ?? 0) > 0) ? 'running' : 'stopped';
  } catch {
    return 'absent';
  }
}

function explain({ stdout, stderr }: ExecResult) {
  if (
    !/NoCredentialProviders|ExpiredToken|no EC2 IMDS role found|get credentials|UnrecognizedClient/i.test(
      stdout + stderr,
    )
  )
    return undefined;
  return unreachableError('CLOUD_LOGIN', 'AWS does not know who you are', {
    hint: 'log in with `aws configure` or `aws sso login`; `aws sts get-caller-identity` shows whether it worked',
  });
}
