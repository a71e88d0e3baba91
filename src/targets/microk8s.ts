import { parse } from 'yaml';
import { refusedError } from '../errors.ts';
import type { ExecResult } from '../util/exec.ts';
import type { TargetSpec, TargetState } from './contract.ts';
import { explain } from './microk8s/troubles.ts';
import type { Machine } from './planned/machine.ts';
import type { Step } from './planned/place.ts';
import { planned } from './planned/planned.ts';
import { asRoot, type Planner, type Program, type Request } from './planned/planner.ts';
import { diskMebibytes, listSetting, mirrorsOf, plainVersion, textSetting } from './planned/settings.ts';

/** The track that is installed when none is named. */
const TRACK = '1.35';
/** Seconds that MicroK8s may take to become ready; without a limit its own wait is endless. */
const WAIT = 300;
const ADDONS = ['dns', 'rbac', 'hostpath-storage', 'registry'];

/** MicroK8s: a snap on Linux, in a multipass VM when asked for, its own VM elsewhere. */
export const microk8sPlanner: Planner = {
  name: 'microk8s',
  abilities: {
    stop: true,
    nodes: false,
    sizes: true,
    images: true,
    gpu: 'component',
    storageClass: 'microk8s-hostpath',
    billed: false,
    tried: 'documentation',
  },
  limits: { cpus: 1, memory: 1024 },
  programs,
  refuse,
  look: (request) => [
    ...(wayOf(request) === 'multipass'
      ? [{ about: 'asking multipass', command: ['multipass', 'list', '--format', 'json'] }]
      : wayOf(request) === 'snap'
        ? [{ about: 'asking snap', command: ['snap', 'list', 'microk8s'] }]
        : []),
    statusStep(request, ['--timeout', '10']),
  ],
  read,
  create: (request) => [...install(request), ...settle(request)],
  start: (request) => [
    ...(wayOf(request) === 'multipass'
      ? [{ about: 'starting the VM', command: ['multipass', 'start', request.spec.name] }]
      : []),
    { about: 'starting MicroK8s', command: microk8s(request, ['start']) },
    waitStep(request),
  ],
  stop: (request) => [
    { about: 'stopping MicroK8s', command: microk8s(request, ['stop']) },
    ...(wayOf(request) === 'multipass'
      ? [{ about: 'stopping the VM', command: ['multipass', 'stop', request.spec.name] }]
      : []),
  ],
  destroy: (request) => [
    wayOf(request) === 'multipass'
      ? { about: 'removing the VM', command: ['multipass', 'delete', '--purge', request.spec.name] }
      : wayOf(request) === 'own'
        ? { about: 'removing the VM of MicroK8s', command: ['microk8s', 'uninstall'] }
        : {
            about: 'removing MicroK8s',
            command: asRoot(request.machine, ['snap', 'remove', '--purge', 'microk8s']),
          },
  ],
  kubeconfig: (request) => ({
    about: 'reading the kubeconfig',
    command: microk8s(request, ['config']),
    prints: true,
  }),
  loadImage: (request, archive) => {
    const vm = wayOf(request) === 'multipass' ? request.spec.name : 'microk8s-vm';
    if (wayOf(request) === 'snap')
      return [
        { about: `loading ${archive}`, command: microk8s(request, ['ctr', 'image', 'import', archive]) },
      ];
    return [
      {
        about: `copying ${archive} into the VM`,
        command: ['multipass', 'transfer', archive, `${vm}:/tmp/datamill-image.tar`],
      },
      {
        about: `loading ${archive}`,
        command: microk8s(request, ['ctr', 'image', 'import', '/tmp/datamill-image.tar']),
      },
    ];
  },
  explain,
};

export const microk8sTarget = planned(microk8sPlanner);

/** On the machine itself, in a VM of multipass, or in the VM that MicroK8s makes on macOS and Windows. */
function wayOf({ spec, machine }: Request): 'snap' | 'multipass' | 'own' {
  const { use_multipass: wanted } = spec.settings as { use_multipass?: boolean };
  if (machine.os !== 'linux') return wanted === true ? 'multipass' : 'own';
  return (wanted ?? !runsSnaps(machine)) ? 'multipass' : 'snap';
}

/** Where the original installed on the machine itself: Ubuntu from 18, Debian from 9, and what descends from them. */
function runsSnaps({ distro, like, version }: Machine): boolean {
  const major = Number.parseInt(version, 10);
  if (distro === 'ubuntu') return major >= 18;
  if (distro === 'debian') return major >= 9 || version === '';
  return like.some((name) => name === 'ubuntu' || name === 'debian');
}

function refuse(request: Request): void {
  if (request.spec.gpuSupport && wayOf(request) !== 'snap')
    throw refusedError('GPU_IN_TARGET', 'a multipass VM has no GPU: it passes no devices of the machine on', {
      hint: 'set `use_multipass: false` on a Linux machine, or `gpu_support: false`',
    });
}

/** Members of the group call it as they are; the plan shows sudo for everybody else. */
function microk8s(request: Request, args: readonly string[]): string[] {
  const { spec, machine } = request;
  const way = wayOf(request);
  if (way === 'multipass') return ['multipass', 'exec', spec.name, '--', 'sudo', 'microk8s', ...args];
  const own = way === 'own' || machine.groups.includes('microk8s');
  return own ? ['microk8s', ...args] : asRoot(machine, ['microk8s', ...args]);
}

function programs(request: Request): Program[] {
  const way = wayOf(request);
  if (way === 'snap')
    return [
      {
        name: 'snap',
        version: { args: ['version'], accept: '>=2.50.0' },
        install: 'install snapd: `sudo apt install snapd` (Debian, Ubuntu)',
      },
    ];
  const multipass = {
    name: 'multipass',
    version: { args: ['version'], accept: '>=1.12.0' },
    install: 'install multipass: https://canonical.com/multipass/install',
  };
  const own = {
    name: 'microk8s',
    install:
      'install the microk8s command: `brew install ubuntu/microk8s/microk8s`, or its installer for Windows',
  };
  return way === 'own' ? [own] : [multipass];
}

function channelOf(spec: TargetSpec): string {
  const [major, minor] = (plainVersion(spec) ?? TRACK).split('.');
  return textSetting(spec, 'channel') ?? `${major}.${minor}/stable`;
}

function install(request: Request): Step[] {
  const { spec, machine } = request;
  const snap = ['snap', 'install', 'microk8s', '--classic', `--channel=${channelOf(spec)}`];
  const way = wayOf(request);
  if (way === 'snap') return [{ about: 'installing MicroK8s', command: asRoot(machine, snap) }];
  const disk = diskMebibytes(spec) ?? 50 * 1024;
  const { cpus = 2, memory = 4096, name } = spec;
  if (way === 'multipass')
    return [
      {
        about: `making the VM ${name}`,
        command: [
          'multipass',
          'launch',
          '24.04',
          '--name',
          name,
          '--cpus',
          String(cpus),
          '--memory',
          `${memory}M`,
          '--disk',
          `${disk}M`,
        ],
      },
      { about: 'installing MicroK8s in it', command: ['multipass', 'exec', name, '--', 'sudo', ...snap] },
    ];
  const sizes = [
    '--cpu',
    String(cpus),
    '--mem',
    String(Math.ceil(memory / 1024)),
    '--disk',
    String(Math.ceil(disk / 1024)),
  ];
  return [
    {
      about: 'installing MicroK8s',
      command: ['microk8s', 'install', ...sizes, '--channel', channelOf(spec), '-y'],
    },
  ];
}

/** Addons one by one: a list of them is deprecated, and hides which one failed. */
function settle(request: Request): Step[] {
  const addons = [...new Set([...ADDONS, ...listSetting(request.spec, 'addons')])];
  return [
    waitStep(request),
    ...mirrorSteps(request),
    ...addons.map((addon) => ({
      about: `enabling the addon ${addon}`,
      command: microk8s(request, ['enable', addon]),
    })),
    waitStep(
      request,
      addons.map((addon) => addon.split(':')[0]!),
    ),
  ];
}

/** containerd of MicroK8s reads hosts.toml files below args/certs.d. */
function mirrorSteps(request: Request): Step[] {
  const way = wayOf(request);
  const file = (registry: string) => `/var/snap/microk8s/current/args/certs.d/${registry}/hosts.toml`;
  const vm = way === 'multipass' ? request.spec.name : 'microk8s-vm';
  return mirrorsOf(request.spec).map(([registry, url]) => {
    const write = ['install', '-D', '-m', '644', '/dev/stdin', file(registry)];
    return {
      about: `naming the mirror of ${registry}`,
      command:
        way === 'snap' ? asRoot(request.machine, write) : ['multipass', 'exec', vm, '--', 'sudo', ...write],
      input: `server = "https://${registry}"\n\n[host."${url}"]\n  capabilities = ["pull", "resolve"]\n`,
    };
  });
}

function statusStep(request: Request, how: readonly string[]): Step {
  return { about: 'asking MicroK8s', command: microk8s(request, ['status', '--format', 'yaml', ...how]) };
}

/** Its exit code is 0 also when it does not run, and when an addon could not be enabled. */
function waitStep(request: Request, addons: readonly string[] = []): Step {
  return {
    ...statusStep(request, ['--wait-ready', '--timeout', String(WAIT)]),
    about: 'waiting for MicroK8s',
    progress: () => undefined,
    verify: ({ stdout }) => {
      const { running, enabled } = statusOf(stdout);
      if (!running) return `MicroK8s did not become ready in ${WAIT} s`;
      const missing = addons.filter((addon) => !enabled.has(addon));
      return missing.length === 0 ? undefined : `the addons ${missing.join(', ')} are not enabled`;
    },
  };
}

function read(results: readonly ExecResult[], request: Request): TargetState {
  const [listed, status = listed] = results as [ExecResult, ExecResult?];
  if (wayOf(request) === 'multipass') {
    const state = vmState(listed.stdout, request.spec.name);
    if (state !== 'Running') return state === undefined ? 'absent' : 'stopped';
  } else if (listed.exitCode !== 0) return 'absent';
  return statusOf(status!.stdout).running ? 'running' : 'stopped';
}

/** Newer ones say more; of that nothing is needed. */
function statusOf(text: string): { running: boolean; enabled: Set<string> } {
  try {
    const said = parse(text) as {
      microk8s?: { running?: unknown };
      addons?: Array<{ name?: string; status?: string }>;
    };
    const enabled = (said.addons ?? [])
      .filter(({ status }) => status === 'enabled')
      .map(({ name }) => name ?? '');
    return {
      running: said.microk8s?.running === true || said.microk8s?.running === 'True',
      enabled: new Set(enabled),
    };
  } catch {
    return { running: false, enabled: new Set() };
  }
}

function vmState(text: string, name: string): string | undefined {
  try {
    const { list } = JSON.parse(text) as { list: Array<{ name: string; state: string }> };
    return list.find((vm) => vm.name === name)?.state;
  } catch {
    return undefined;
  }
}
