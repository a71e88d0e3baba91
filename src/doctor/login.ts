import { accessSync, constants } from 'node:fs';
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path';
import { type Fields, items, text } from '../kube/fields.ts';
import { type Observation, warning, wrong } from './observation.ts';

/** Ways to log in that kubectl, helm and the client libraries dropped, and what came instead. */
export const REMOVED_PROVIDERS: Readonly<Record<string, string>> = {
  gcp: '`gcloud components install gke-gcloud-auth-plugin`, then `gcloud container clusters get-credentials CLUSTER --location LOCATION`',
  azure: '`az aks install-cli`, then `kubelogin convert-kubeconfig`',
  openstack: 'use the login program client-keystone-auth of cloud-provider-openstack, in `exec:`',
};

const VERSIONS = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'];

/** The login program of a user (`exec:`): whether it is there, and said in words that clients understand. */
export function examineExec(exec: Fields, file: string, env: NodeJS.ProcessEnv = process.env): Observation[] {
  const command = text(exec.command);
  const found: Observation[] = [];
  const version = text(exec.apiVersion);
  if (!VERSIONS.includes(version))
    found.push(
      wrong(
        `the login program is asked for ${version || 'no version'}, which clients dropped (Kubernetes 1.24)`,
        {
          where: file,
          remedy: `say \`apiVersion: ${VERSIONS[1]}\` where the program knows it: \`kubectl config view --minify\` shows it`,
        },
      ),
    );
  const args = Array.isArray(exec.args) ? exec.args.map(String) : [];
  const said = [...args, ...items(exec.env).map((entry) => text(entry.value))];
  for (const word of said.filter((one) => /^([\w-]+=)?~\//.test(one)))
    found.push(
      warning(`the login program is given ${word}: nothing expands the ~ in a kubeconfig`, {
        where: file,
        remedy: 'write the whole path instead',
      }),
    );
  if (command.startsWith('~'))
    found.push(
      wrong(`the login program is ${command}: nothing expands the ~ in a kubeconfig`, {
        where: file,
        remedy: 'write the whole path instead',
      }),
    );
  else if (!isThere(command, file, env))
    found.push(
      wrong(`the login program ${command} is not there`, {
        where: file,
        remedy:
          text(exec.installHint).trim().replace(/\s+/g, ' ') || `install ${command}, and have it on PATH`,
      }),
    );
  return found;
}

/** As kubectl: a bare name is looked for on PATH, one with a slash beside the kubeconfig. */
function isThere(command: string, file: string, env: NodeJS.ProcessEnv): boolean {
  const places = command.includes('/')
    ? [isAbsolute(command) ? command : resolve(dirname(file), command)]
    : (env.PATH ?? '')
        .split(delimiter)
        .filter((folder) => folder !== '')
        .map((folder) => join(folder, command));
  return places.some((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
