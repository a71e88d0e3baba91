import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Tool } from '../../tools/index.ts';
import { writeAtomically } from '../../util/atomic.ts';
import type { Layout } from './layout.ts';

/** Apart from kwok's pod addresses, 10.0.0.0/24, which the default range would overlap. */
const SERVICE_RANGE = '10.96.0.0/16';

/** The programs of the control plane: the option that names its path, and its name in bin/. */
export const components = [
  { tool: 'etcd', option: 'etcdBinary', program: 'etcd' },
  { tool: 'kube-apiserver', option: 'kubeApiserverBinary', program: 'kube-apiserver' },
  {
    tool: 'kube-controller-manager',
    option: 'kubeControllerManagerBinary',
    program: 'kube-controller-manager',
  },
  { tool: 'kube-scheduler', option: 'kubeSchedulerBinary', program: 'kube-scheduler' },
  { tool: 'kwok', option: 'kwokControllerBinary', program: 'kwok-controller' },
] as const;

/** Writes what kwokctl and the API server read; gives the port of the API server. */
export async function writeFiles(layout: Layout, tools: Map<string, Tool>): Promise<number> {
  await mkdir(layout.root, { recursive: true, mode: 0o700 });
  await chmod(layout.root, 0o700);
  const [port = 0, ...others] = await freePorts(6);
  await writeFile(layout.podLog, podLog, { mode: 0o600 });
  await writeFile(layout.encryption, await toYaml(encryption()), { mode: 0o600 });
  const documents = [configuration(layout, tools, port, others), clusterLogs(layout)];
  const text = (await Promise.all(documents.map(toYaml))).join('---\n');
  await writeFile(layout.config, text, { mode: 0o600 });
  return port;
}

async function toYaml(document: unknown): Promise<string> {
  const { stringify } = await import('yaml');
  return stringify(document);
}

/** Secrets are sealed with XSalsa20-Poly1305 before etcd sees them. */
function encryption() {
  const secret = randomBytes(32).toString('base64');
  const providers = [{ secretbox: { keys: [{ name: 'rehearsal', secret }] } }, { identity: {} }];
  return {
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'EncryptionConfiguration',
    resources: [{ resources: ['secrets'], providers }],
  };
}

/**
 * The options of kwokctl. Extra arguments stand here and not on the command line, where
 * kwokctl 0.8.0 crashes when those of one component do not come first.
 */
function configuration(layout: Layout, tools: Map<string, Tool>, port: number, others: number[]) {
  const [etcdPort, etcdPeerPort, kubeControllerManagerPort, kubeSchedulerPort, kwokControllerPort] = others;
  const range = { key: 'service-cluster-ip-range', value: SERVICE_RANGE };
  const sealed = { key: 'encryption-provider-config', value: layout.encryption };
  return {
    apiVersion: 'config.kwok.x-k8s.io/v1alpha1',
    kind: 'KwokctlConfiguration',
    options: {
      runtime: 'binary',
      bindAddress: '127.0.0.1',
      kubeApiserverPort: port,
      etcdPort,
      etcdPeerPort,
      kubeControllerManagerPort,
      kubeSchedulerPort,
      kwokControllerPort,
      ...Object.fromEntries(components.map(({ tool, option }) => [option, tools.get(tool)!.path])),
    },
    componentsPatches: [
      { name: 'kube-apiserver', extraArgs: [range, sealed] },
      { name: 'kube-controller-manager', extraArgs: [range] },
      // Without leases, as a controller that was started again would wait minutes for those of
      // the one before it to expire.
      {
        name: 'kwok-controller',
        extraArgs: [{ key: 'node-lease-duration-seconds', value: '0', override: true }],
      },
    ],
  };
}

/** In the format of the container runtime interface, which the kwok controller reads. */
const podLog = '2026-01-01T00:00:00.000000000Z stdout F This pod is simulated: nothing runs in it.\n';

function clusterLogs(layout: Layout) {
  const log = { logsFile: layout.podLog, previousLogsFile: layout.podLog, follow: false };
  return {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'ClusterLogs',
    metadata: { name: 'simulated' },
    spec: { logs: [log] },
  };
}

/** Ports that nobody listens on now, on the loopback address. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    ports.push((server.address() as { port: number }).port);
  }
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Makes the keys private and writes a kubeconfig that stands on its own. */
export async function writeKubeconfig(layout: Layout, port: number): Promise<void> {
  const pki = join(layout.cluster, 'pki');
  for (const file of await readdir(pki)) await chmod(join(pki, file), 0o600);
  const encoded = async (file: string) => (await readFile(join(pki, file))).toString('base64');
  const cluster = {
    server: `https://127.0.0.1:${port}`,
    'certificate-authority-data': await encoded('ca.crt'),
  };
  const user = {
    'client-certificate-data': await encoded('admin.crt'),
    'client-key-data': await encoded('admin.key'),
  };
  const { context: name } = layout;
  const document = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name, cluster }],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: name, user: name } }],
  };
  await writeAtomically(layout.kubeconfig, await toYaml(document), 0o600);
}
