import { mkdir } from 'node:fs/promises';
import { stringify } from 'yaml';
import { writeAtomically } from '../../../src/util/atomic.ts';
import { containerdSocket, network, nodeName, ports, state } from '../layout.ts';
import { startDaemon } from '../processes.ts';
import { cgroupRoot, makeCgroups } from './cgroups.ts';
import { kubeconfigOf, pki } from './pki.ts';

export async function startNode(kubelet: string, proxy: string): Promise<void> {
  await makeCgroups();
  await mkdir(state('pods'), { recursive: true });
  const file = state('kubelet.yaml');
  await writeAtomically(file, stringify(kubeletConfig()));
  await startDaemon('kubelet', kubelet, [
    `--config=${file}`,
    `--kubeconfig=${kubeconfigOf('kubelet')}`,
    `--root-dir=${state('kubelet')}`,
    `--cert-dir=${state('kubelet-pki')}`,
    `--hostname-override=${nodeName}`,
    `--node-ip=${network.gateway}`,
  ]);
  await startDaemon('kube-proxy', proxy, [
    `--kubeconfig=${kubeconfigOf('kube-proxy')}`,
    `--hostname-override=${nodeName}`,
    `--cluster-cidr=${network.pods}`,
    // Kernels need not have IPVS. 0: the table of connections stays as large as it is.
    '--proxy-mode=iptables',
    '--conntrack-max-per-core=0',
    '--conntrack-tcp-timeout-established=0',
    '--conntrack-tcp-timeout-close-wait=0',
    `--healthz-bind-address=127.0.0.1:${ports.proxyHealth}`,
    `--metrics-bind-address=127.0.0.1:${ports.proxyMetrics}`,
  ]);
}

function kubeletConfig(): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    port: ports.kubelet,
    healthzPort: 0,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: pki('ca.crt') },
    },
    authorization: { mode: 'Webhook' },
    failCgroupV1: false,
    cgroupDriver: 'cgroupfs',
    cgroupRoot,
    failSwapOn: false,
    clusterDNS: [network.dns],
    clusterDomain: 'cluster.local',
    containerRuntimeEndpoint: `unix://${containerdSocket()}`,
    podLogsDir: state('pods'),
    volumePluginDir: state('volume-plugins'),
    // Images are ours and stay; a small disk is no reason to stop.
    imageGCHighThresholdPercent: 100,
    evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
    serializeImagePulls: false,
    oomScoreAdj: 0,
  };
}
