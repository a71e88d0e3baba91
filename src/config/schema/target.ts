import * as z from 'zod';
import { anyMap, apiVersion, quantity, version } from './common.ts';

/** Drivers by the section that they belong to. */
const providers = {
  local: ['rehearsal', 'minikube', 'microk8s', 'kind', 'k3s'],
  remote: ['ssh', 'aws', 'gke', 'azure'],
} as const;

/** Keys of the original that mean nothing any more: accepted, and warned about. */
export const obsoleteTargetKeys: Readonly<Record<string, string>> = {
  use_overlay: "network overlays are the cluster's own business now",
  istio_support: 'istio is not part of data-mill any more',
  bucket_name: 'no state is kept in a bucket: the cluster is the only state',
};

const obsolete = {
  use_overlay: z.unknown().optional(),
  istio_support: z.unknown().optional(),
  bucket_name: z.unknown().optional(),
};

const common = {
  ...obsolete,
  name: z.string().optional().meta({ description: 'Name of the cluster or profile. Default: datamill.' }),
  version: version.optional().meta({ description: 'Kubernetes version, quoted.' }),
  gpu_support: z
    .boolean()
    .optional()
    .meta({ description: 'Make GPUs usable (simulated ones on a rehearsal).' }),
  storage_class: z.string().optional().meta({ description: 'Storage class for components that name none.' }),
  components: z
    .record(z.string(), anyMap)
    .default({})
    .meta({ description: 'Settings of components that hold on this target: {minio: {size: 1Ti}}.' }),
};

const mirrors = z
  .record(z.string(), z.url())
  .optional()
  .meta({ description: 'Where registries are asked instead: {docker.io: "http://10.0.0.1:5000"}.' });
const file = z.string().min(1);
const airGap = z
  .strictObject({
    binary: file.meta({ description: 'The k3s program.' }),
    script: file.meta({ description: 'Its install.sh.' }),
    images: z
      .array(file)
      .default([])
      .meta({ description: 'Image archives for it, such as k3s-airgap-images-amd64.tar.' }),
  })
  .optional()
  .meta({ description: 'k3s: files of this machine, used instead of the network.' });

const mount = z
  .string()
  .regex(/^.+:\/[^:]*$/, 'expected HOST_FOLDER:/FOLDER_IN_NODE')
  .optional();

const nodeSizes = {
  cpus: z.number().positive().optional().meta({ description: 'CPUs per node.' }),
  memory: z
    .union([z.number().positive(), z.string().regex(/^\d+(\.\d+)?([TGMk]|[TGMK]i)?$/)], {
      error: 'expected MiB as a number, or a quantity such as 16Gi',
    })
    .optional()
    .meta({ description: 'Memory per node: a number is MiB, or a quantity such as 16Gi.' }),
  storage: quantity.optional().meta({ description: 'Disk per node, such as 60G.' }),
  nodes: z.int().min(1).max(5000).optional().meta({ description: 'Number of nodes.' }),
};

export const LocalTarget = z.strictObject({
  ...common,
  ...nodeSizes,
  provider: z.enum(providers.local).meta({ description: 'What runs the cluster on this machine.' }),
  vm_driver: z.string().optional().meta({ description: 'minikube: its driver (docker, kvm2, …).' }),
  use_multipass: z.boolean().optional().meta({ description: 'microk8s: run inside a multipass VM.' }),
  addons: z.array(z.string()).optional().meta({ description: 'Addons of minikube or microk8s to enable.' }),
  channel: z.string().optional().meta({
    description: 'microk8s: channel of its snap. Default: the stable one of `version`, else 1.35/stable.',
  }),
  mount: mount.meta({ description: 'minikube, kind: a folder of this machine in the nodes: /data:/data.' }),
  registry_mirrors: mirrors,
  air_gap: airGap,
});

export const RemoteTarget = z.strictObject({
  ...common,
  ...nodeSizes,
  provider: z.enum(providers.remote).meta({ description: 'Where the cluster is.' }),
  cluster_name: z.string().optional().meta({ description: 'Name of the cluster at the provider.' }),
  region: z.string().optional().meta({ description: 'Region of the provider.' }),
  zones: z
    .union([z.string(), z.array(z.string())])
    .optional()
    .meta({ description: 'Zones in that region: one, or a list.' }),
  no_nodes: z.int().min(1).optional().meta({ description: 'Number of nodes (`nodes` means the same).' }),
  node_size: z.string().optional().meta({ description: 'Machine type of the nodes.' }),
  project: z
    .string()
    .optional()
    .meta({ description: 'gke: project that is billed. Default: that of gcloud.' }),
  resource_group: z.string().optional().meta({
    description: 'azure: resource group, made if it is not there. Default: the name of the cluster.',
  }),
  spot: z.boolean().optional().meta({ description: 'Nodes that cost less and may be taken away.' }),
  min_nodes: z.int().min(0).optional().meta({ description: 'Autoscaling: no fewer nodes than these.' }),
  max_nodes: z.int().min(1).optional().meta({ description: 'Autoscaling: no more nodes than these.' }),
  gpu_nodes: z
    .strictObject({
      size: z.string().meta({ description: 'Machine type.' }),
      count: z.int().min(1).default(1).meta({ description: 'Number of nodes.' }),
      accelerator: z.string().optional().meta({ description: 'gke: kind of GPU, such as nvidia-tesla-t4.' }),
      spot: z.boolean().default(false).meta({ description: 'Nodes that cost less and may be taken away.' }),
    })
    .optional()
    .meta({ description: 'A group of nodes with GPUs beside the others.' }),
  host: z.string().optional().meta({ description: 'ssh: address of the machine.' }),
  port: z.int().min(1).max(65535).optional().meta({ description: 'ssh: its port; 22 when nothing is said.' }),
  user: z.string().optional().meta({ description: 'ssh: user on the machine.' }),
  key: z
    .string()
    .optional()
    .meta({ description: 'ssh: path of the private key. Default: those of the agent.' }),
  jump: z
    .union([z.string(), z.array(z.string())])
    .optional()
    .meta({ description: 'ssh: machines on the way, USER@HOST:PORT, the first one first.' }),
  known_hosts: z
    .string()
    .optional()
    .meta({ description: 'ssh: file of known hosts, beside ~/.ssh/known_hosts.' }),
  host_key: z
    .string()
    .regex(/^SHA256:[A-Za-z0-9+/]{43}$/, 'expected SHA256:… as ssh-keygen -l shows it')
    .optional()
    .meta({ description: 'ssh: fingerprint that the host key must have.' }),
  install: z
    .enum(['none', 'k3s', 'microk8s'])
    .optional()
    .meta({ description: 'ssh: what is installed there. Default: none, a cluster is there already.' }),
  kubeconfig: z
    .string()
    .optional()
    .meta({ description: 'ssh: path of the kubeconfig there, where nothing is installed.' }),
  addons: z.array(z.string()).optional().meta({ description: 'ssh with microk8s: addons to enable.' }),
  channel: z.string().optional().meta({ description: 'ssh with microk8s: channel of its snap.' }),
  registry_mirrors: mirrors,
  air_gap: airGap,
});

export const HybridTarget = z.strictObject({
  ...common,
  mount: mount.meta({
    description: 'A folder of this machine that the nodes see, and where: /home/me/data:/data.',
  }),
  provider: z
    .enum(['kubeconfig'])
    .optional()
    .meta({ description: 'What is there already; may be left out.' }),
  config: z
    .string()
    .optional()
    .meta({ description: 'Path of a kubeconfig. Default: KUBECONFIG, else ~/.kube/config.' }),
  context: z
    .string()
    .optional()
    .meta({ description: 'Context in that kubeconfig. Default: its current one.' }),
});

/** A file of `k8s/configs/`; a flavour may hold the same sections. */
export const TargetFile = z.strictObject({
  apiVersion,
  local: LocalTarget.optional(),
  remote: RemoteTarget.optional(),
  hybrid: HybridTarget.optional(),
});
export type TargetSection = 'local' | 'remote' | 'hybrid';
