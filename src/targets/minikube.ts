import { refusedError } from '../errors.ts';
import type { ExecResult } from '../util/exec.ts';
import type { TargetSpec, TargetState } from './contract.ts';
import { explain, progressOf } from './minikube/events.ts';
import { planned } from './planned/planned.ts';
import type { Step } from './planned/place.ts';
import type { Planner, Request } from './planned/planner.ts';
import {
  diskMebibytes,
  listSetting,
  mirrorsOf,
  mountOf,
  plainVersion,
  textSetting,
} from './planned/settings.ts';

/** Command lines of minikube 1.38.1, as its own documentation of the commands and its source say. */
export const minikubePlanner: Planner = {
  name: 'minikube',
  abilities: {
    stop: true,
    nodes: true,
    sizes: true,
    images: true,
    gpu: 'driver',
    storageClass: 'standard',
    billed: false,
    tried: 'command line',
  },
  ownContext: true,
  limits: { cpus: 2, memory: 1800 },
  programs: () => [
    {
      name: 'minikube',
      version: { args: ['version', '--short'], accept: '>=1.34.0 <2' },
      install: 'install minikube 1.34 or later: https://minikube.sigs.k8s.io/docs/start',
    },
  ],
  refuse: ({ spec }) => void gpuFlags(spec),
  look: ({ spec }) => [
    { about: 'asking minikube', command: ['minikube', 'status', '-p', spec.name, '-o', 'json'] },
  ],
  read,
  create: (request) => [start(request, createFlags(request))],
  start: (request) => [start(request, [])],
  stop: ({ spec }) => [
    {
      about: `stopping the minikube cluster ${spec.name}`,
      command: ['minikube', 'stop', '-p', spec.name, '-o', 'json'],
      progress: progressOf,
    },
  ],
  destroy: ({ spec }) => [
    {
      about: `removing the minikube cluster ${spec.name}`,
      command: ['minikube', 'delete', '-p', spec.name, '-o', 'json'],
      progress: progressOf,
    },
  ],
  // The address of a node may have changed: the file is mended before it is read.
  kubeconfig: (request) => ({
    about: 'writing the kubeconfig',
    command: ['minikube', 'update-context', '-p', request.spec.name],
    env: environment(request),
    prints: false,
  }),
  loadImage: ({ spec }, archive) => [
    { about: `loading ${archive}`, command: ['minikube', 'image', 'load', archive, '-p', spec.name] },
  ],
  explain,
};

export const minikube = planned(minikubePlanner);

/** minikube writes into the file that KUBECONFIG names: a private one, and never the user's. */
function environment({ kubeconfig }: Request): Record<string, string> {
  return { KUBECONFIG: kubeconfig };
}

function start(request: Request, flags: readonly string[]): Step {
  const { name } = request.spec;
  const always = ['--embed-certs', '--interactive=false', '--wait=all', '-o', 'json'];
  return {
    about: `starting the minikube cluster ${name}`,
    command: ['minikube', 'start', '-p', name, ...flags, ...always],
    env: environment(request),
    progress: progressOf,
  };
}

function createFlags({ spec }: Request): string[] {
  const disk = diskMebibytes(spec);
  const version = plainVersion(spec);
  const mount = mountOf(spec);
  const driver = driverOf(spec);
  const addons = ['metrics-server', ...listSetting(spec, 'addons')];
  return [
    ...(driver === undefined ? [] : [`--driver=${driver}`]),
    ...(spec.cpus === undefined ? [] : [`--cpus=${spec.cpus}`]),
    ...(spec.memory === undefined ? [] : [`--memory=${spec.memory}m`]),
    ...(disk === undefined ? [] : [`--disk-size=${disk}m`]),
    ...(spec.nodes === undefined ? [] : [`--nodes=${spec.nodes}`]),
    ...(version === undefined ? [] : [`--kubernetes-version=v${version}`]),
    ...gpuFlags(spec),
    `--addons=${[...new Set(addons)].join(',')}`,
    // --mount is kept for old scripts and ignored: only this one mounts.
    ...(mount === undefined ? [] : [`--mount-string=${mount.host}:${mount.node}`]),
    // Only Docker Hub can be mirrored by a flag.
    ...mirrorsOf(spec).flatMap(([registry, url]) =>
      registry === 'docker.io' ? [`--registry-mirror=${url}`] : [],
    ),
  ];
}

function driverOf(spec: TargetSpec): string | undefined {
  return textSetting(spec, 'vm_driver') ?? (spec.gpuSupport ? 'docker' : undefined);
}

/**
 * The ways in which minikube really hands GPUs on.
 *
 * @throws GPU_IN_TARGET, exit code 3, for drivers that cannot.
 */
function gpuFlags(spec: TargetSpec): string[] {
  if (!spec.gpuSupport) return [];
  const driver = driverOf(spec);
  if (driver === 'docker') return ['--container-runtime=docker', '--gpus=all'];
  if (driver === 'kvm2' || driver === 'kvm')
    return ['--kvm-gpu', '--addons=nvidia-driver-installer,nvidia-device-plugin'];
  if (driver === 'none' || driver === 'native') return ['--addons=nvidia-device-plugin'];
  throw refusedError('GPU_IN_TARGET', `minikube hands no GPU on with the driver ${driver}`, {
    hint: 'use `vm_driver: docker` (or kvm2, or none), or `gpu_support: false`',
  });
}

/** Exit code 85 is its "no such profile"; others are bits of what does not run, said in JSON, too. */
function read([result]: readonly ExecResult[]): TargetState {
  const { exitCode, stdout } = result!;
  if (exitCode === 85 || exitCode === 127) return 'absent';
  const nodes = parse(stdout);
  if (nodes.length === 0) return 'absent';
  const master = nodes.find(({ Worker }) => Worker !== true) ?? nodes[0]!;
  // The kubeconfig may be misconfigured: that is mended when it is fetched.
  return master.Host === 'Running' && master.APIServer === 'Running' ? 'running' : 'stopped';
}

interface NodeStatus {
  Host?: string;
  APIServer?: string;
  Worker?: boolean;
}

/** One object for one node, a list for several. */
function parse(text: string): NodeStatus[] {
  try {
    const said: unknown = JSON.parse(text);
    return (Array.isArray(said) ? said : [said]) as NodeStatus[];
  } catch {
    return [];
  }
}
