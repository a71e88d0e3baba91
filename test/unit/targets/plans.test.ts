import { describe, expect, it } from 'vitest';
import { awsPlanner } from '../../../src/targets/aws.ts';
import { azurePlanner } from '../../../src/targets/azure.ts';
import { gkePlanner } from '../../../src/targets/gke.ts';
import { k3sPlanner } from '../../../src/targets/k3s.ts';
import { kindPlanner } from '../../../src/targets/kind.ts';
import { microk8sPlanner } from '../../../src/targets/microk8s.ts';
import { minikubePlanner } from '../../../src/targets/minikube.ts';
import { argvOf } from '../../../src/targets/planned/place.ts';
import type { Planner, Request } from '../../../src/targets/planned/planner.ts';
import { shellWords } from '../../../src/util/shell.ts';
import { machine, specOf } from '../../helpers/fakes.ts';

const sizes = { cpus: 8, memory: 16288, storage: '60G' };
const mac = { ...machine, os: 'darwin' as const, distro: '', version: '24.6.0' };
const mirrors = {
  registry_mirrors: { 'docker.io': 'http://10.0.0.1:5000', 'quay.io': 'http://10.0.0.1:5001' },
};

const cases: Array<[file: string, Planner, Partial<Request['spec']>, Request['machine']]> = [
  ['minikube', minikubePlanner, sizes, machine],
  ['minikube-gpu', minikubePlanner, { ...sizes, gpuSupport: true, version: '1.35.1' }, machine],
  [
    'minikube-kvm2',
    minikubePlanner,
    {
      ...sizes,
      gpuSupport: true,
      nodes: 2,
      settings: { vm_driver: 'kvm2', mount: '/srv/data:/data', ...mirrors },
    },
    machine,
  ],
  ['kind', kindPlanner, {}, machine],
  [
    'kind-nodes',
    kindPlanner,
    { nodes: 3, version: '1.35.1', gpuSupport: true, settings: { mount: '/srv/data:/data', ...mirrors } },
    machine,
  ],
  ['microk8s', microk8sPlanner, { ...sizes, settings: { use_multipass: false } }, machine],
  [
    'microk8s-root',
    microk8sPlanner,
    { version: '1.34.1', settings: { addons: ['metallb:10.0.0.1-10.0.0.9'], ...mirrors } },
    { ...machine, root: true },
  ],
  [
    'microk8s-group',
    microk8sPlanner,
    { settings: { channel: '1.33/edge' } },
    { ...machine, groups: ['microk8s'] },
  ],
  [
    'microk8s-multipass',
    microk8sPlanner,
    { ...sizes, settings: { use_multipass: true, ...mirrors } },
    machine,
  ],
  ['microk8s-other-linux', microk8sPlanner, {}, { ...machine, distro: 'fedora', version: '41' }],
  ['microk8s-mac', microk8sPlanner, sizes, mac],
  ['k3s', k3sPlanner, {}, machine],
  [
    'k3s-offline',
    k3sPlanner,
    {
      version: 'v1.34.2',
      settings: {
        host: 'vm.example.org',
        air_gap: { binary: '/srv/k3s', script: '/srv/install.sh', images: ['/srv/images.tar'] },
        ...mirrors,
      },
    },
    { ...machine, root: true },
  ],
];

const cloud = { cluster_name: 'data-mill', region: 'us-east-1', zones: 'us-east-1a', node_size: 't2.medium' };
const large = {
  ...cloud,
  zones: ['us-east-1a', 'us-east-1b'],
  spot: true,
  min_nodes: 1,
  max_nodes: 5,
  gpu_nodes: { size: 'g4dn.xlarge', count: 1, accelerator: 'nvidia-tesla-t4', spot: true },
};
for (const [name, planner] of Object.entries({ aws: awsPlanner, gke: gkePlanner, azure: azurePlanner }))
  cases.push(
    [name, planner, { nodes: 2, settings: cloud }, machine],
    [`${name}-large`, planner, { nodes: 3, version: '1.35', storage: '60G', settings: large }, machine],
  );

/** Everything that a target can plan, as it is run and shown. */
function transcript(planner: Planner, request: Request): string {
  const parts = {
    look: planner.look(request),
    create: planner.create(request),
    start: planner.start(request),
    stop: planner.stop(request),
    destroy: planner.destroy(request),
    kubeconfig: [planner.kubeconfig(request)],
    'load image': planner.loadImage(request, '/tmp/image.tar'),
  };
  return Object.entries(parts)
    .map(([name, steps]) => {
      const lines = steps.flatMap((step) => [
        ...(step.uploads ?? []).map(
          ({ from, to, mode }) => `# copied there: ${from} -> ${to} (${mode.toString(8)})`,
        ),
        shellWords(argvOf(step)),
        ...(step.input ?? '')
          .trimEnd()
          .split('\n')
          .flatMap((line) => (line === '' ? [] : [`  | ${line}`])),
      ]);
      return `# ${name}\n${lines.join('\n')}\n`;
    })
    .join('\n');
}

describe('the command lines of', () => {
  it.each(cases)('%s', async (file, planner, more, on) => {
    const request = { spec: specOf(planner.name, more), machine: on, kubeconfig: '/state/kubeconfig.yaml' };

    await expect(transcript(planner, request)).toMatchFileSnapshot(`../../golden/targets/${file}.txt`);
  });

  it('minikube with two lists of addons keep to one flag each, which pflag joins', () => {
    const request = {
      spec: specOf('minikube', {
        gpuSupport: true,
        settings: { vm_driver: 'none', addons: ['ingress', 'metrics-server'] },
      }),
      machine,
      kubeconfig: 'k',
    };
    const flags = minikubePlanner.create(request)[0]!.command.filter((word) => word.startsWith('--addons'));

    expect(flags).toEqual(['--addons=nvidia-device-plugin', '--addons=metrics-server,ingress']);
  });
});

describe('what a target cannot be is refused with the reason:', () => {
  it.each<[string, Planner, Partial<Request['spec']>, Request['machine'], string]>([
    [
      'GPUs in a VM of multipass',
      microk8sPlanner,
      { gpuSupport: true, settings: { use_multipass: true } },
      machine,
      'GPU_IN_TARGET',
    ],
    ['GPUs in the VM of a Mac', microk8sPlanner, { gpuSupport: true }, mac, 'GPU_IN_TARGET'],
    [
      'GPUs in VirtualBox',
      minikubePlanner,
      { gpuSupport: true, settings: { vm_driver: 'virtualbox' } },
      machine,
      'GPU_IN_TARGET',
    ],
    ['k3s on a Mac', k3sPlanner, {}, mac, 'TARGET_REFUSED'],
  ])('%s', (_, planner, more, on, code) => {
    const request = { spec: specOf(planner.name, more), machine: on, kubeconfig: 'k' };

    expect(() => planner.refuse!(request)).toThrow(expect.objectContaining({ code, exitCode: 3 }));
  });

  it('but not what it can be', () => {
    const fine = {
      spec: specOf('microk8s', { gpuSupport: true, settings: { use_multipass: false } }),
      machine,
      kubeconfig: 'k',
    };

    expect(() => microk8sPlanner.refuse!(fine)).not.toThrow();
  });
});
