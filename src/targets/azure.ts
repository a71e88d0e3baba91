import { unreachableError } from '../errors.ts';
import type { ExecResult } from '../util/exec.ts';
import { gpuCost } from './cloud/costs.ts';
import { autoscaling, gpuNodes, nodesOf } from './cloud/nodes.ts';
import type { TargetSpec, TargetState } from './contract.ts';
import type { Step } from './planned/place.ts';
import { planned } from './planned/planned.ts';
import type { Planner } from './planned/planner.ts';
import { flagSetting, listSetting, plainVersion, textSetting } from './planned/settings.ts';

/** A cluster of AKS, by az; credentials are those of az. */
export const azurePlanner: Planner = {
  name: 'azure',
  abilities: {
    stop: true,
    nodes: true,
    sizes: false,
    images: false,
    gpu: 'component',
    storageClass: 'default',
    billed: true,
    tried: 'documentation',
  },
  programs: () => [
    {
      name: 'az',
      version: { args: ['version'], accept: '>=2.50.0' },
      install: 'install the Azure command line: https://learn.microsoft.com/cli/azure/install-azure-cli',
    },
  ],
  look: ({ spec }) => [{ about: 'asking AKS', command: az(spec, ['show'], ['-o', 'json']) }],
  read,
  create: ({ spec }) => [
    {
      about: `making the resource group ${groupOf(spec)}`,
      command: [
        'az',
        'group',
        'create',
        '--name',
        groupOf(spec),
        '--location',
        textSetting(spec, 'region') ?? 'westeurope',
      ],
    },
    create(spec),
    ...spotPool(spec),
    ...gpuPool(spec),
  ],
  start: ({ spec }) => [{ about: `starting the AKS cluster ${spec.name}`, command: az(spec, ['start']) }],
  stop: ({ spec }) => [{ about: `stopping the AKS cluster ${spec.name}`, command: az(spec, ['stop']) }],
  // The resource group may hold other things: it stays.
  destroy: ({ spec }) => [
    { about: `deleting the AKS cluster ${spec.name}`, command: az(spec, ['delete'], ['--yes']) },
  ],
  kubeconfig: ({ spec, kubeconfig }) => ({
    about: 'writing the kubeconfig',
    command: az(spec, ['get-credentials'], ['--file', kubeconfig, '--overwrite-existing']),
    prints: false,
  }),
  loadImage: () => [],
  costs: (spec) => [
    'one control plane of AKS, free in its smallest tier',
    `${nodesOf(spec)} nodes of ${sizeOf(spec)}${flagSetting(spec, 'spot') ? ', and as many at spot prices' : ''}, with their disks`,
    ...gpuCost(gpuNodes(spec)),
    'one load balancer and its address',
  ],
  explain,
};

export const azure = planned(azurePlanner);

function groupOf(spec: TargetSpec): string {
  return textSetting(spec, 'resource_group') ?? spec.name;
}

function sizeOf(spec: TargetSpec): string {
  return textSetting(spec, 'node_size') ?? 'Standard_D4s_v5';
}

function az(spec: TargetSpec, verb: readonly string[], flags: readonly string[] = []): string[] {
  return ['az', 'aks', ...verb, '--resource-group', groupOf(spec), '--name', spec.name, ...flags];
}

function scaling(spec: TargetSpec): string[] {
  const bounds = autoscaling(spec);
  if (bounds === undefined) return [];
  return [
    '--enable-cluster-autoscaler',
    '--min-count',
    String(bounds.min),
    '--max-count',
    String(bounds.max),
  ];
}

function create(spec: TargetSpec): Step {
  const zones = listSetting(spec, 'zones');
  const version = plainVersion(spec);
  const disk = /^(\d+)/.exec(spec.storage ?? '')?.[1];
  const flags = [
    ...['--node-count', String(nodesOf(spec)), '--node-vm-size', sizeOf(spec)],
    ...(zones.length === 0 ? [] : ['--zones', ...zones]),
    ...scaling(spec),
    ...(version === undefined ? [] : ['--kubernetes-version', version]),
    ...(disk === undefined ? [] : ['--node-osdisk-size', disk]),
    '--no-ssh-key',
  ];
  return {
    about: `making the AKS cluster ${spec.name}: about 5 minutes`,
    command: az(spec, ['create'], flags),
  };
}

function pool(spec: TargetSpec, name: string, about: string, flags: readonly string[]): Step {
  const where = ['--resource-group', groupOf(spec), '--cluster-name', spec.name, '--name', name];
  return { about, command: ['az', 'aks', 'nodepool', 'add', ...where, ...flags] };
}

const SPOT = ['--priority', 'Spot', '--eviction-policy', 'Delete', '--spot-max-price', '-1'];

/** The first nodes of AKS cannot be spot nodes: those are a pool beside them. */
function spotPool(spec: TargetSpec): Step[] {
  if (!flagSetting(spec, 'spot')) return [];
  const size = ['--node-count', String(nodesOf(spec)), '--node-vm-size', sizeOf(spec)];
  return [pool(spec, 'spot', 'adding nodes at spot prices', [...size, ...SPOT, ...scaling(spec)])];
}

function gpuPool(spec: TargetSpec): Step[] {
  const gpu = gpuNodes(spec);
  if (gpu === undefined) return [];
  const size = ['--node-count', String(gpu.count), '--node-vm-size', gpu.size];
  const taint = ['--node-taints', 'nvidia.com/gpu=true:NoSchedule'];
  return [pool(spec, 'gpu', 'adding nodes with GPUs', [...size, ...taint, ...(gpu.spot ? SPOT : [])])];
}

function read([result]: readonly ExecResult[]): TargetState {
  if (result!.exitCode !== 0) return 'absent';
  try {
    const { powerState } = JSON.parse(result!.stdout) as { powerState?: { code?: string } };
    return powerState?.code === 'Running' ? 'running' : 'stopped';
  } catch {
    return 'absent';
  }
}

function explain({ stdout, stderr }: ExecResult) {
  if (!/az login|AADSTS/i.test(stdout + stderr)) return undefined;
  return unreachableError('CLOUD_LOGIN', 'Azure does not know who you are', {
    hint: 'log in with `az login`',
  });
}
