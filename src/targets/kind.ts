import { stringify } from 'yaml';
import type { ExecResult } from '../util/exec.ts';
import { DatamillError, refusedError } from '../errors.ts';
import type { TargetState } from './contract.ts';
import { planned } from './planned/planned.ts';
import type { Planner, Request } from './planned/planner.ts';
import { mirrorsOf, mountOf, plainVersion } from './planned/settings.ts';

const LABEL = 'io.x-k8s.kind.cluster';

/** Command lines of kind 0.33.0; nodes are containers of docker, which stops and starts them. */
export const kindPlanner: Planner = {
  name: 'kind',
  abilities: {
    stop: true,
    nodes: true,
    sizes: false,
    images: true,
    gpu: 'component',
    storageClass: 'standard',
    billed: false,
    tried: 'command line',
  },
  ownContext: true,
  // `kind create` refuses what is there in part.
  createsAnew: true,
  programs: () => [
    {
      name: 'kind',
      version: { args: ['version'], accept: '>=0.27.0 <1' },
      install: 'install kind 0.27 or later: https://kind.sigs.k8s.io/docs/user/quick-start',
    },
    {
      name: 'docker',
      version: { args: ['--version'], accept: '>=20.10.0' },
      install: 'install Docker, or a docker command of podman: https://docs.docker.com/engine/install',
    },
  ],
  look: ({ spec }) => [
    {
      about: 'asking docker for the nodes',
      command: [
        'docker',
        'ps',
        '--all',
        '--filter',
        `label=${LABEL}=${spec.name}`,
        '--format',
        '{{.Names}} {{.State}}',
      ],
    },
  ],
  read,
  create: (request) => [
    {
      about: `creating the kind cluster ${request.spec.name}`,
      command: [
        'kind',
        'create',
        'cluster',
        '--name',
        request.spec.name,
        '--config',
        '-',
        '--kubeconfig',
        request.kubeconfig,
        '--wait',
        '180s',
      ],
      input: stringify(configOf(request), { aliasDuplicateObjects: false }),
    },
    ...mirrorSteps(request),
  ],
  start: ({ spec }) => [
    {
      about: `starting the kind cluster ${spec.name}`,
      command: ['docker', 'start', ...nodesOf(spec.name, spec.nodes)],
    },
  ],
  stop: ({ spec }) => [
    {
      about: `stopping the kind cluster ${spec.name}`,
      command: ['docker', 'stop', ...nodesOf(spec.name, spec.nodes)],
    },
  ],
  destroy: ({ spec, kubeconfig }) => [
    {
      about: `removing the kind cluster ${spec.name}`,
      command: ['kind', 'delete', 'cluster', '--name', spec.name, '--kubeconfig', kubeconfig],
    },
  ],
  kubeconfig: ({ spec }) => ({
    about: 'reading the kubeconfig',
    command: ['kind', 'get', 'kubeconfig', '--name', spec.name],
    prints: true,
  }),
  loadImage: ({ spec }, archive) => [
    { about: `loading ${archive}`, command: ['kind', 'load', 'image-archive', archive, '--name', spec.name] },
  ],
  explain,
};

export const kind = planned(kindPlanner);

/** kind's own names: NAME-control-plane, NAME-worker, NAME-worker2, … */
function nodesOf(name: string, nodes = 1): string[] {
  const workers = Array.from(
    { length: nodes - 1 },
    (_, index) => `${name}-worker${index === 0 ? '' : index + 1}`,
  );
  return [`${name}-control-plane`, ...workers];
}

function configOf({ spec }: Request) {
  const version = plainVersion(spec);
  const mount = mountOf(spec);
  const mounts = [
    ...(mount === undefined ? [] : [{ hostPath: mount.host, containerPath: mount.node }]),
    // How the NVIDIA runtime is told to hand all GPUs into a container that is no `docker run --gpus`.
    ...(spec.gpuSupport
      ? [{ hostPath: '/dev/null', containerPath: '/var/run/nvidia-container-devices/all' }]
      : []),
  ];
  const node = (role: string) => ({
    role,
    ...(version === undefined ? {} : { image: `kindest/node:v${version}` }),
    ...(mounts.length === 0 ? {} : { extraMounts: mounts }),
  });
  return {
    kind: 'Cluster',
    apiVersion: 'kind.x-k8s.io/v1alpha4',
    nodes: nodesOf(spec.name, spec.nodes).map((_, index) => node(index === 0 ? 'control-plane' : 'worker')),
    ...(mirrorsOf(spec).length === 0
      ? {}
      : {
          containerdConfigPatches: [
            '[plugins."io.containerd.grpc.v1.cri".registry]\n  config_path = "/etc/containerd/certs.d"\n',
          ],
        }),
  };
}

/** containerd's hosts.toml, one per registry and node. */
function mirrorSteps({ spec }: Request) {
  return nodesOf(spec.name, spec.nodes).flatMap((node) =>
    mirrorsOf(spec).map(([registry, url]) => ({
      about: `telling ${node} of the mirror of ${registry}`,
      command: [
        'docker',
        'exec',
        '-i',
        node,
        'install',
        '-D',
        '-m',
        '644',
        '/dev/stdin',
        `/etc/containerd/certs.d/${registry}/hosts.toml`,
      ],
      input: `[host."${url}"]\n  capabilities = ["pull", "resolve"]\n`,
    })),
  );
}

function read([result]: readonly ExecResult[], { spec }: Request): TargetState {
  const states = new Map(
    result!.stdout
      .split('\n')
      .map((line) => line.trim().split(' ') as [string, string])
      .filter(([, state]) => state !== undefined),
  );
  if (result!.exitCode !== 0 || states.size === 0) return 'absent';
  return states.get(`${spec.name}-control-plane`) === 'running' ? 'running' : 'stopped';
}

function explain({ stderr, stdout }: ExecResult): DatamillError | undefined {
  const said = `${stdout}\n${stderr}`;
  if (/Cannot connect to the Docker daemon|permission denied.*docker\.sock/i.test(said))
    return refusedError('TARGET_REFUSED', 'docker does not answer, and kind runs its nodes in it', {
      hint: 'start Docker, and see that your user may use it (group docker)',
    });
  if (/port is already allocated|address already in use/.test(said))
    return new DatamillError('TARGET_FAILED', 'a port that the kind cluster needs is taken', {
      hint: 'end what listens there; `datamill up` tries again',
    });
  return undefined;
}
