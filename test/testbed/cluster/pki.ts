import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { writeAtomically } from '../../../src/util/atomic.ts';
import { call } from '../call.ts';
import { kubeconfig, network, nodeName, ports, state } from '../layout.ts';

/** Who has a certificate: its subject, in Kubernetes' words a user and a group. */
const subjects = {
  apiserver: '/CN=kube-apiserver',
  admin: '/O=system:masters/CN=admin',
  kubelet: `/O=system:nodes/CN=system:node:${nodeName}`,
  'kube-controller-manager': '/CN=system:kube-controller-manager',
  'kube-scheduler': '/CN=system:kube-scheduler',
  'kube-proxy': '/CN=system:kube-proxy',
};

type Subject = keyof typeof subjects;

const names = [
  ...['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'],
  'kubernetes.default.svc.cluster.local',
].map((name) => `DNS:${name}`);
const addresses = ['127.0.0.1', network.api, network.gateway].map((address) => `IP:${address}`);

/** A file of the authority: `ca.crt`, `admin.key` and so on. */
export function pki(file: string): string {
  return state('pki', file);
}

export function kubeconfigOf(subject: Exclude<Subject, 'apiserver' | 'admin'>): string {
  return pki(`${subject}.kubeconfig`);
}

/** Makes an authority and everybody's certificates, all or nothing, and the kubeconfigs. */
export async function makePki(): Promise<void> {
  if (!existsSync(state('pki'))) {
    const work = state('pki.part');
    await rm(work, { recursive: true, force: true });
    await mkdir(work, { recursive: true, mode: 0o700 });
    await makeKeys(work);
    await rename(work, state('pki'));
  }
  for (const subject of Object.keys(subjects) as Subject[]) {
    if (subject === 'apiserver') continue;
    const path = subject === 'admin' ? kubeconfig() : kubeconfigOf(subject);
    await writeAtomically(path, await config(subject), 0o600);
  }
}

async function makeKeys(folder: string): Promise<void> {
  const openssl = (...args: string[]) => call('openssl', args, { cwd: folder });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await openssl(
    ...['req', '-x509', ...key, '-days', '3650', '-subj', '/CN=testbed-ca'],
    ...['-keyout', 'ca.key', '-out', 'ca.crt'],
  );
  await openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'sa.key');
  const use = 'extendedKeyUsage=serverAuth,clientAuth';
  await writeFile(join(folder, 'ext'), `subjectAltName=${[...names, ...addresses].join(',')}\n${use}\n`);
  for (const [name, subject] of Object.entries(subjects)) {
    await openssl('req', ...key, '-subj', subject, '-keyout', `${name}.key`, '-out', `${name}.csr`);
    await openssl(
      ...['x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial'],
      ...['-days', '3650', '-out', `${name}.crt`, '-extfile', 'ext'],
    );
  }
}

/** A kubeconfig that needs no other file. */
async function config(subject: Subject): Promise<string> {
  const data = async (file: string) => (await readFile(pki(file))).toString('base64');
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: nodeName,
        cluster: {
          server: `https://127.0.0.1:${ports.apiserver}`,
          'certificate-authority-data': await data('ca.crt'),
        },
      },
    ],
    users: [
      {
        name: subject,
        user: {
          'client-certificate-data': await data(`${subject}.crt`),
          'client-key-data': await data(`${subject}.key`),
        },
      },
    ],
    contexts: [{ name: nodeName, context: { cluster: nodeName, user: subject } }],
    'current-context': nodeName,
  });
}
