import { configError, DatamillError } from '../../errors.ts';
import { pause } from '../../util/abort.ts';
import type { TargetIO, TargetSpec } from '../contract.ts';
import type { Api } from './api.ts';

const SIMULATED = 'datamill.io/simulated';
const SIZES = 'datamill.io/sizes';
const PATH = '/api/v1/nodes';

interface NodeObject {
  metadata: { name: string; labels?: Record<string, string>; annotations?: Record<string, string> };
  spec?: { taints?: Array<{ key: string }> };
  status?: { conditions?: Array<{ type: string; status: string }> };
}

type Sizes = Record<string, string>;

/** What every node offers, as Kubernetes quantities. */
export function sizesOf(spec: TargetSpec): Sizes {
  const gpus = spec.settings.gpus ?? 1;
  if (spec.gpuSupport && !(Number.isInteger(gpus) && (gpus as number) > 0)) {
    throw configError(
      'INVALID_GPUS',
      `gpus has to be a number of GPUs per node, not ${JSON.stringify(gpus)}.`,
    );
  }
  return {
    cpu: String(spec.cpus ?? 8),
    memory: `${spec.memory ?? 16_384}Mi`,
    'ephemeral-storage': spec.storage ?? '100G',
    pods: '110',
    ...(spec.gpuSupport ? { 'nvidia.com/gpu': String(gpus) } : {}),
  };
}

/** Makes the simulated nodes what the spec says, and waits until pods can be put on them. */
export async function reconcileNodes(
  api: Api,
  spec: TargetSpec,
  version: string,
  io: TargetIO,
): Promise<void> {
  const sizes = sizesOf(spec);
  const wanted = Array.from({ length: spec.nodes ?? 1 }, (_, index) => `${spec.name}-node-${index}`);
  const nodes = await list(api);
  for (const name of wanted) {
    const node = nodes.find((candidate) => candidate.metadata.name === name);
    if (node === undefined) await api.call('POST', PATH, manifest(name, sizes, version), [409]);
    else if (node.metadata.annotations?.[SIZES] !== JSON.stringify(sizes)) await resize(api, node, sizes, io);
  }
  for (const { metadata } of nodes) {
    if (metadata.labels?.[SIMULATED] === 'true' && !wanted.includes(metadata.name)) {
      io.progress(`removing the simulated node ${metadata.name}`);
      await remove(api, metadata.name);
    }
  }
  if (!wanted.every((name) => nodes.some((node) => node.metadata.name === name && isUsable(node)))) {
    await untilUsable(api, wanted, io);
  }
}

async function list(api: Api): Promise<NodeObject[]> {
  return (await api.call<{ items: NodeObject[] }>('GET', PATH)).items;
}

function manifest(name: string, sizes: Sizes, version: string) {
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const labels = {
    [SIMULATED]: 'true',
    'kubernetes.io/hostname': name,
    'kubernetes.io/os': 'linux',
    'kubernetes.io/arch': architecture,
  };
  const unknown = { bootID: '', machineID: '', systemUUID: '', kubeProxyVersion: '' };
  const nodeInfo = {
    ...unknown,
    architecture,
    operatingSystem: 'linux',
    kubeletVersion: `v${version}`,
    kernelVersion: 'simulated',
    osImage: 'simulated',
    containerRuntimeVersion: 'kwok://simulated',
  };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels, annotations: { [SIZES]: JSON.stringify(sizes) } },
    status: { capacity: sizes, allocatable: sizes, nodeInfo },
  };
}

async function resize(api: Api, node: NodeObject, sizes: Sizes, io: TargetIO): Promise<void> {
  const { name, annotations } = node.metadata;
  io.progress(`changing the sizes of the simulated node ${name}`);
  const before = JSON.parse(annotations?.[SIZES] ?? '{}') as Sizes;
  // In a merge patch null removes, for instance a GPU that is no longer asked for.
  const gone = Object.fromEntries(Object.keys(before).map((key) => [key, null]));
  const patch = { ...gone, ...sizes };
  await api.call('PATCH', `${PATH}/${name}/status`, { status: { capacity: patch, allocatable: patch } });
  await api.call('PATCH', `${PATH}/${name}`, {
    metadata: { annotations: { [SIZES]: JSON.stringify(sizes) } },
  });
}

/** Takes a node away with its pods, which their controllers make anew elsewhere. */
async function remove(api: Api, name: string): Promise<void> {
  await api.call('PATCH', `${PATH}/${name}`, { spec: { unschedulable: true } }, [404]);
  const selector = encodeURIComponent(`spec.nodeName=${name}`);
  type Pods = { items: Array<{ metadata: { name: string; namespace: string } }> };
  for (const { metadata } of (await api.call<Pods>('GET', `/api/v1/pods?fieldSelector=${selector}`)).items) {
    const path = `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}`;
    await api.call('DELETE', path, { gracePeriodSeconds: 0 }, [404]);
  }
  await api.call('DELETE', `${PATH}/${name}`, undefined, [404]);
}

function isUsable(node: NodeObject): boolean {
  const ready = node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
  return ready === true && !node.spec?.taints?.some(({ key }) => key.startsWith('node.kubernetes.io/'));
}

async function untilUsable(api: Api, names: string[], io: TargetIO): Promise<void> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const nodes = (await list(api)).filter(isUsable).map((node) => node.metadata.name);
    const waiting = names.filter((name) => !nodes.includes(name));
    if (waiting.length === 0) return;
    if (performance.now() > deadline) {
      throw new DatamillError(
        'NODES_NOT_READY',
        `The simulated nodes ${waiting.join(', ')} do not become ready.`,
        {
          hint: 'Remove the cluster with `datamill destroy` and make it again.',
        },
      );
    }
    await pause(100, io.signal);
  }
}
