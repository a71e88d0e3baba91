import { stringify } from 'yaml';
import type { ExecResult } from '../util/exec.ts';
import { refusedError } from '../errors.ts';
import { shellWords } from '../util/shell.ts';
import type { TargetSpec, TargetState } from './contract.ts';
import type { Step } from './planned/place.ts';
import { planned } from './planned/planned.ts';
import { asRoot, type Planner, type Request } from './planned/planner.ts';
import { mirrorsOf, plainVersion } from './planned/settings.ts';

/** The version that is installed when none is named. */
const VERSION = '1.35.4';
const UNINSTALL = '/usr/local/bin/k3s-uninstall.sh';
const REGISTRIES = '/etc/rancher/k3s/registries.yaml';
const IMAGES = '/var/lib/rancher/k3s/agent/images';

/** k3s on a Linux machine with systemd, by its own script at the tag of the release. */
export const k3sPlanner: Planner = {
  name: 'k3s',
  abilities: {
    stop: true,
    nodes: false,
    sizes: false,
    images: true,
    gpu: 'component',
    storageClass: 'local-path',
    billed: false,
    tried: 'documentation',
  },
  limits: { cpus: 1, memory: 512 },
  programs: ({ spec }) => [
    { name: 'systemctl', install: 'k3s is run by systemd: use a machine that has it' },
    ...(airGap(spec) === undefined
      ? [{ name: 'curl', install: 'install curl: `sudo apt install curl`' }]
      : []),
  ],
  refuse: ({ machine }) => {
    if (machine.os === 'linux') return;
    throw refusedError('TARGET_REFUSED', 'k3s runs on Linux only', {
      hint: 'use minikube, kind or microk8s here',
    });
  },
  look: () => [
    { about: 'looking for k3s', command: ['test', '-e', UNINSTALL] },
    { about: 'asking systemd', command: ['systemctl', 'is-active', 'k3s'] },
  ],
  read,
  create: (request) => [...registries(request), ...install(request), waitStep(request)],
  start: (request) => [
    { about: 'starting k3s', command: asRoot(request.machine, ['systemctl', 'start', 'k3s']) },
    waitStep(request),
  ],
  // systemctl stop would leave the containers running.
  stop: ({ machine }) => [
    { about: 'stopping k3s and its containers', command: asRoot(machine, ['/usr/local/bin/k3s-killall.sh']) },
  ],
  destroy: ({ machine }) => [{ about: 'removing k3s', command: asRoot(machine, [UNINSTALL]) }],
  kubeconfig: ({ machine }) => ({
    about: 'reading the kubeconfig',
    command: asRoot(machine, ['cat', '/etc/rancher/k3s/k3s.yaml']),
    prints: true,
  }),
  loadImage: ({ machine }, archive) => [
    { about: `loading ${archive}`, command: asRoot(machine, ['k3s', 'ctr', 'images', 'import', archive]) },
  ],
  explain,
};

export const k3s = planned(k3sPlanner);

interface AirGap {
  binary: string;
  script: string;
  images: string[];
}

/** `air_gap: { binary, script, images }`: files of this machine that are used instead of the network. */
function airGap({ settings }: TargetSpec): AirGap | undefined {
  return settings.air_gap as AirGap | undefined;
}

/** Release names of k3s: v1.35.4+k3s1. */
function k3sVersion(spec: TargetSpec): string {
  const version = plainVersion(spec) ?? VERSION;
  return version.includes('+') ? `v${version}` : `v${version}+k3s1`;
}

/** The arguments have to be all there each time: the script writes the unit anew. */
function serverArgs({ spec }: Request): string[] {
  const host = spec.settings.host;
  return [
    'server',
    '--write-kubeconfig-mode=600',
    '--disable=traefik',
    ...(typeof host === 'string' ? [`--tls-san=${host}`] : []),
  ];
}

function install(request: Request): Step[] {
  const { spec, machine } = request;
  const version = k3sVersion(spec);
  const gap = airGap(spec);
  const env = [
    'env',
    `INSTALL_K3S_VERSION=${version}`,
    ...(gap === undefined ? [] : ['INSTALL_K3S_SKIP_DOWNLOAD=true']),
  ];
  if (gap !== undefined) return installOffline(request, gap, env);
  // At the tag of the version, so that the script is pinned, too; a failed download runs nothing.
  const url = `https://raw.githubusercontent.com/k3s-io/k3s/${encodeURIComponent(version)}/install.sh`;
  const sh = shellWords(asRoot(machine, [...env, 'sh', '-s', '-', ...serverArgs(request)]));
  return [
    {
      about: `installing k3s ${version}`,
      command: ['sh', '-c', `script=$(curl -sfL ${url}) && printf '%s\\n' "$script" | ${sh}`],
    },
  ];
}

/** Files are copied to a folder of the user, and from there to their places by root. */
function installOffline(request: Request, gap: AirGap, env: readonly string[]): Step[] {
  const { machine } = request;
  const staging = '.datamill-k3s';
  const images = gap.images.map((from, index) => ({ from, to: `${staging}/images-${index}.tar` }));
  const put = (from: string, to: string, mode: string): Step => ({
    about: `putting ${to} in its place`,
    command: asRoot(machine, ['install', '-D', '-m', mode, from, to]),
  });
  return [
    {
      about: 'uploading k3s and its images',
      command: ['ls', '-l', staging],
      uploads: [
        { from: gap.binary, to: `${staging}/k3s`, mode: 0o755 },
        { from: gap.script, to: `${staging}/install.sh`, mode: 0o755 },
        ...images.map((image) => ({ ...image, mode: 0o600 })),
      ],
    },
    put(`${staging}/k3s`, '/usr/local/bin/k3s', '755'),
    ...images.map(({ to }, index) => put(to, `${IMAGES}/datamill-${index}.tar`, '600')),
    {
      about: 'installing k3s without the network',
      command: asRoot(machine, [...env, 'sh', `${staging}/install.sh`, ...serverArgs(request)]),
    },
    { about: 'removing what was uploaded', command: ['rm', '-rf', staging] },
  ];
}

function registries({ spec, machine }: Request): Step[] {
  const mirrors = mirrorsOf(spec);
  if (mirrors.length === 0) return [];
  const config = {
    mirrors: Object.fromEntries(mirrors.map(([registry, url]) => [registry, { endpoint: [url] }])),
  };
  return [
    {
      about: 'naming the mirrors of registries',
      command: asRoot(machine, ['install', '-D', '-m', '600', '/dev/stdin', REGISTRIES]),
      input: stringify(config),
    },
  ];
}

function waitStep({ machine }: Request): Step {
  const wait = ['k3s', 'kubectl', 'wait', '--for=condition=Ready', 'node', '--all', '--timeout=300s'];
  return { about: 'waiting for the node', command: asRoot(machine, wait) };
}

function read(results: readonly ExecResult[]): TargetState {
  const [there, active] = results as [ExecResult, ExecResult?];
  if (there.exitCode !== 0) return 'absent';
  return active?.stdout.trim() === 'active' ? 'running' : 'stopped';
}

function explain({ stdout, stderr }: ExecResult) {
  const said = `${stdout}\n${stderr}`;
  if (/failed to find memory cgroup/i.test(said))
    return refusedError('TARGET_REFUSED', 'the kernel has the memory control group switched off', {
      hint: 'add `cgroup_memory=1 cgroup_enable=memory` to the kernel command line and start the machine again',
    });
  if (/Can not find systemd or openrc/i.test(said))
    return refusedError('TARGET_REFUSED', 'the machine has neither systemd nor openrc', {
      hint: 'k3s needs one of them',
    });
  return undefined;
}
