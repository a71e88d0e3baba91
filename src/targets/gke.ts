import { unreachableError } from '../errors.ts';
import type { ExecResult } from '../util/exec.ts';
import { gpuCost } from './cloud/costs.ts';
import { autoscaling, gpuNodes, nodesOf } from './cloud/nodes.ts';
import type { TargetSpec, TargetState } from './contract.ts';
import type { Step } from './planned/place.ts';
import { planned } from './planned/planned.ts';
import type { Planner } from './planned/planner.ts';
import { flagSetting, listSetting, plainVersion, textSetting } from './planned/settings.ts';

/** A cluster of GKE, by gcloud; credentials are those of gcloud. */
export const gkePlanner: Planner = {
  name: 'gke',
  abilities: {
    stop: true,
    nodes: true,
    sizes: false,
    images: false,
    gpu: 'component',
    storageClass: 'standard-rwo',
    billed: true,
    tried: 'documentation',
  },
  programs: () => [
    {
      name: 'gcloud',
      version: { args: ['version'], accept: '>=400.0.0' },
      install: 'install gcloud: https://cloud.google.com/sdk/docs/install',
    },
    {
      name: 'gke-gcloud-auth-plugin',
      install: 'install what kubectl logs in with: `gcloud components install gke-gcloud-auth-plugin`',
    },
  ],
  look: ({ spec }) => [
    { about: 'asking GKE', command: gcloud(spec, ['describe', spec.name], ['--format=json']) },
  ],
  read,
  create: ({ spec }) => [create(spec), ...gpuPool(spec)],
  start: ({ spec }) => [resize(spec, nodesOf(spec), 'bringing the nodes back')],
  stop: ({ spec }) => [resize(spec, 0, 'taking the nodes away; the control plane stays, and is paid for')],
  destroy: ({ spec }) => [
    {
      about: `deleting the GKE cluster ${spec.name}`,
      command: gcloud(spec, ['delete', spec.name], ['--quiet']),
    },
  ],
  kubeconfig: ({ spec, kubeconfig }) => ({
    about: 'writing the kubeconfig',
    command: gcloud(spec, ['get-credentials', spec.name]),
    env: { KUBECONFIG: kubeconfig },
    prints: false,
  }),
  loadImage: () => [],
  costs: (spec) => [
    'one control plane of GKE, by the hour',
    `${nodesOf(spec)} nodes of ${textSetting(spec, 'node_size') ?? 'e2-standard-4'}${flagSetting(spec, 'spot') ? ' at spot prices' : ''}, with their disks`,
    ...gpuCost(gpuNodes(spec)),
    'load balancers for services that ask for one',
  ],
  explain,
};

export const gke = planned(gkePlanner);

/** One zone makes a cluster of that zone; otherwise it is one of the region. */
function place(spec: TargetSpec): string[] {
  const zones = listSetting(spec, 'zones');
  const region = textSetting(spec, 'region');
  const project = textSetting(spec, 'project');
  const where =
    zones.length === 1 ? [`--zone=${zones[0]}`] : region === undefined ? [] : [`--region=${region}`];
  return [...where, ...(project === undefined ? [] : [`--project=${project}`])];
}

function gcloud(spec: TargetSpec, verb: readonly string[], flags: readonly string[] = []): string[] {
  return ['gcloud', 'container', 'clusters', ...verb, ...place(spec), ...flags];
}

function scaling(spec: TargetSpec): string[] {
  const bounds = autoscaling(spec);
  return bounds === undefined
    ? []
    : ['--enable-autoscaling', `--min-nodes=${bounds.min}`, `--max-nodes=${bounds.max}`];
}

function create(spec: TargetSpec): Step {
  const zones = listSetting(spec, 'zones');
  const version = plainVersion(spec);
  const disk = /^(\d+)/.exec(spec.storage ?? '')?.[1];
  const flags = [
    `--num-nodes=${nodesOf(spec)}`,
    `--machine-type=${textSetting(spec, 'node_size') ?? 'e2-standard-4'}`,
    ...(zones.length > 1 ? [`--node-locations=${zones.join(',')}`] : []),
    ...(flagSetting(spec, 'spot') ? ['--spot'] : []),
    ...scaling(spec),
    ...(version === undefined ? [] : [`--cluster-version=${version}`]),
    ...(disk === undefined ? [] : [`--disk-size=${disk}`]),
    '--quiet',
  ];
  return {
    about: `making the GKE cluster ${spec.name}: about 5 minutes`,
    command: gcloud(spec, ['create', spec.name], flags),
  };
}

function gpuPool(spec: TargetSpec): Step[] {
  const gpu = gpuNodes(spec);
  if (gpu === undefined) return [];
  const flags = [
    `--cluster=${spec.name}`,
    `--machine-type=${gpu.size}`,
    `--num-nodes=${gpu.count}`,
    // GKE puts the driver there itself.
    `--accelerator=type=${gpu.accelerator ?? 'nvidia-tesla-t4'},count=1,gpu-driver-version=default`,
    ...(gpu.spot ? ['--spot'] : []),
    ...place(spec),
    '--quiet',
  ];
  return [
    {
      about: 'adding nodes with GPUs',
      command: ['gcloud', 'container', 'node-pools', 'create', 'gpu', ...flags],
    },
  ];
}

function resize(spec: TargetSpec, nodes: number, about: string): Step {
  return {
    about,
    command: gcloud(
      spec,
      ['resize', spec.name],
      ['--node-pool=default-pool', `--num-nodes=${nodes}`, '--quiet'],
    ),
  };
}

function read([result]: readonly ExecResult[]): TargetState {
  if (result!.exitCode !== 0) return 'absent';
  try {
    const { status, currentNodeCount = 0 } = JSON.parse(result!.stdout) as {
      status: string;
      currentNodeCount?: number;
    };
    return (status === 'RUNNING' || status === 'RECONCILING') && currentNodeCount > 0 ? 'running' : 'stopped';
  } catch {
    return 'absent';
  }
}

function explain({ stdout, stderr }: ExecResult) {
  if (
    !/do not currently have an active account|Reauthentication|invalid_grant|gcloud auth login/i.test(
      stdout + stderr,
    )
  )
    return undefined;
  return unreachableError('CLOUD_LOGIN', 'Google does not know who you are', {
    hint: 'log in with `gcloud auth login`',
  });
}
