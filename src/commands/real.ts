import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { parse } from 'yaml';

function onPath(program: string): boolean {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .some((folder) => folder !== '' && existsSync(join(folder, program)));
}

/** The user's own current kube context, if there is a kubeconfig with one. */
async function currentContext(): Promise<string | undefined> {
  const file = process.env.KUBECONFIG?.split(delimiter)[0] || join(homedir(), '.kube', 'config');
  if (!existsSync(file)) return undefined;
  try {
    const config = parse(await readFile(file, 'utf8')) as { 'current-context'?: string } | null;
    return config?.['current-context'] || undefined;
  } catch {
    return undefined;
  }
}

/** How the same flavour would run for real with what this machine has. */
export async function detectReal(): Promise<{ flags: string; about: string }> {
  const context = await currentContext();
  if (context !== undefined) return { flags: `-t ${context}`, about: `your kube context ${context}` };
  if (onPath('microk8s')) return { flags: '-t default_uc.yaml', about: 'microk8s is on this machine' };
  if (onPath('minikube')) return { flags: '-t default_mc.yaml', about: 'minikube is on this machine' };
  if (onPath('docker') && existsSync('/var/run/docker.sock'))
    return {
      flags: '-t default_mc.yaml',
      about: 'docker is on this machine; install minikube to go with it',
    };
  return {
    flags: '-t CONTEXT',
    about: 'any kube context; this machine has no cluster, and neither minikube, microk8s nor docker',
  };
}
