import { resolveTools } from '../../../src/tools/index.ts';
import { exec } from '../../../src/util/exec.ts';
import { call, type Say, until } from '../call.ts';
import { kubeconfig, network, ports, state } from '../layout.ts';
import { startDaemon } from '../processes.ts';
import { kubeconfigOf, pki } from './pki.ts';

const names = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubectl'] as const;

export type ControlPlane = Record<(typeof names)[number], string>;

/** Where the programs are, which data-mill's rehearsal uses too. */
export async function controlPlane(onProgress: Say, signal?: AbortSignal): Promise<ControlPlane> {
  const tools = await resolveTools([...names], { onProgress, signal });
  return Object.fromEntries(names.map((name) => [name, tools.get(name)!.path])) as ControlPlane;
}

export async function startControlPlane(programs: ControlPlane): Promise<void> {
  await startDaemon('etcd', programs.etcd, [
    `--data-dir=${state('etcd')}`,
    `--listen-client-urls=http://127.0.0.1:${ports.etcd}`,
    `--advertise-client-urls=http://127.0.0.1:${ports.etcd}`,
    `--listen-peer-urls=http://127.0.0.1:${ports.etcdPeer}`,
    `--initial-advertise-peer-urls=http://127.0.0.1:${ports.etcdPeer}`,
    `--initial-cluster=default=http://127.0.0.1:${ports.etcdPeer}`,
    // Its data is gone with the testbed anyway.
    '--unsafe-no-fsync',
  ]);
  await startDaemon('kube-apiserver', programs['kube-apiserver'], apiserver());
  const ready = ['--kubeconfig', kubeconfig(), 'get', '--raw', '/readyz'];
  await until(
    async () => (await exec(programs.kubectl, ready)).exitCode === 0,
    120,
    () => `the API server is not ready; its log is ${state('log', 'kube-apiserver.log')}`,
  );
  await startDaemon('kube-controller-manager', programs['kube-controller-manager'], [
    `--kubeconfig=${kubeconfigOf('kube-controller-manager')}`,
    `--service-account-private-key-file=${pki('sa.key')}`,
    `--root-ca-file=${pki('ca.crt')}`,
    '--use-service-account-credentials',
    '--leader-elect=false',
    '--secure-port=0',
  ]);
  await startDaemon('kube-scheduler', programs['kube-scheduler'], [
    `--kubeconfig=${kubeconfigOf('kube-scheduler')}`,
    '--leader-elect=false',
    '--secure-port=0',
  ]);
}

function apiserver(): string[] {
  return [
    `--etcd-servers=http://127.0.0.1:${ports.etcd}`,
    `--secure-port=${ports.apiserver}`,
    // Pods reach it at the bridge, through the Service `kubernetes`.
    '--bind-address=0.0.0.0',
    `--advertise-address=${network.gateway}`,
    `--service-cluster-ip-range=${network.services}`,
    `--tls-cert-file=${pki('apiserver.crt')}`,
    `--tls-private-key-file=${pki('apiserver.key')}`,
    `--client-ca-file=${pki('ca.crt')}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${pki('sa.key')}`,
    `--service-account-signing-key-file=${pki('sa.key')}`,
    '--authorization-mode=Node,RBAC',
    '--allow-privileged',
    `--kubelet-client-certificate=${pki('admin.crt')}`,
    `--kubelet-client-key=${pki('admin.key')}`,
    '--kubelet-preferred-address-types=InternalIP,Hostname',
  ];
}

/** Runs kubectl on the testbed. */
export function kubectl(programs: ControlPlane, args: readonly string[], input?: string): Promise<string> {
  return call(programs.kubectl, ['--kubeconfig', kubeconfig(), '--cache-dir', state('kubectl'), ...args], {
    input,
  });
}
